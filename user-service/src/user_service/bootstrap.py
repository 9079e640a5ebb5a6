"""The one module that builds real adapters and hands them to the use cases."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from fastapi import FastAPI

from contracts.notification import NotificationType
from contracts.suppression import address_digest
from servicekit.app import create_app
from servicekit.authentication import Authenticator
from servicekit.database import Database, DatabaseUnavailableError
from servicekit.logs import get_logger
from servicekit.metrics import Metrics
from servicekit.redis import check_redis, create_redis
from servicekit.service_tokens import parse_service_tokens
from servicekit.shutdown import bounded_shutdown
from servicekit.tokens import TokenVerifier
from user_service.adapters.argon2_passwords import Argon2Passwords
from user_service.adapters.jwt_issuer import JwtIssuer
from user_service.adapters.postgres_api_keys import PostgresApiKeys
from user_service.adapters.postgres_categories import PostgresCategories
from user_service.adapters.postgres_sessions import PostgresSessions
from user_service.adapters.postgres_suppressions import PostgresSuppressions
from user_service.adapters.postgres_user_digests import PostgresUserDigests
from user_service.adapters.postgres_users import PostgresUsers
from user_service.adapters.redis_snapshots import RedisSnapshots
from user_service.adapters.redis_suppressions import RedisSuppressions
from user_service.api import api_keys as api_key_routes
from user_service.api import auth as auth_routes
from user_service.api import categories as category_routes
from user_service.api import preferences as preference_routes
from user_service.api import suppressions as suppression_routes
from user_service.api import users as user_routes
from user_service.api.dependencies import UseCases
from user_service.consumers.suppression_keeper import SuppressionKeeper
from user_service.consumers.suppressions import SuppressionConsumer
from user_service.domain.signing_key import SigningKey
from user_service.settings import Settings
from user_service.usecases.add_suppression import AddSuppression
from user_service.usecases.announce_suppressions import AnnounceSuppressions
from user_service.usecases.change_categories import ChangeCategories
from user_service.usecases.change_password import ChangePassword
from user_service.usecases.change_suppression import ChangeSuppression
from user_service.usecases.create_api_key import CreateApiKey
from user_service.usecases.create_user import CreateUser
from user_service.usecases.ensure_first_admin import EnsureFirstAdmin
from user_service.usecases.find_api_key import FindApiKey
from user_service.usecases.find_suppressions import FindSuppressions
from user_service.usecases.get_user import GetUser
from user_service.usecases.get_users import GetUsers
from user_service.usecases.keep_suppressions import KeepSuppressions
from user_service.usecases.lift_suppression import LiftSuppression
from user_service.usecases.list_api_keys import ListApiKeys
from user_service.usecases.list_users import ListUsers
from user_service.usecases.preferences import ChangePreferences, ReadPreferences
from user_service.usecases.read_categories import ReadCategories
from user_service.usecases.record_suppression import RecordSuppression
from user_service.usecases.revoke_api_key import RevokeApiKey
from user_service.usecases.rotate_api_key import RotateApiKey
from user_service.usecases.sessions import KeepSignedIn
from user_service.usecases.sign_in import SignIn
from user_service.usecases.update_user import UpdateUser

SERVICE: Final = "user-service"
VERSION: Final = "0.1.0"
_log = get_logger(__name__)


def build_app(settings: Settings) -> FastAPI:
    """The application; it connects when it is first asked, and disconnects when it ends."""
    database = Database(
        settings.database_url.get_secret_value(),
        name=SERVICE,
        pool_size=settings.database_pool_size,
    )
    redis = create_redis(
        settings.redis_url.get_secret_value(),
        name=SERVICE,
        max_connections=settings.redis_max_connections,
    )
    email_digest = _email_digest_by(settings.suppression_key.get_secret_value().encode())
    users = PostgresUsers(database, email_digest)
    api_keys = PostgresApiKeys(database)
    categories = PostgresCategories(database)
    snapshots = RedisSnapshots(redis)
    passwords = Argon2Passwords()
    issuer = JwtIssuer(
        SigningKey.from_pem(settings.jwt_private_key.get_secret_value()), secrets.token_hex
    )
    get_user = GetUser(users)
    keep_signed_in = KeepSignedIn(
        users,
        PostgresSessions(database),
        issuer,
        now=_now,
        new_id=uuid4,
        random_bytes=secrets.token_bytes,
    )
    update_user = UpdateUser(users, passwords, snapshots, keep_signed_in, now=_now)
    create_user = CreateUser(users, passwords, snapshots, now=_now, new_id=uuid4)
    find_api_key = FindApiKey(api_keys)
    suppressions = PostgresSuppressions(database)
    announce = AnnounceSuppressions(suppressions, RedisSuppressions(redis, now=_now), now=_now)
    change_suppression = ChangeSuppression(suppressions, snapshots, announce)
    consumer = SuppressionConsumer(
        settings.amqp_url.get_secret_value(), RecordSuppression(change_suppression, now=_now)
    )
    keeper = SuppressionKeeper(
        KeepSuppressions(
            suppressions,
            PostgresUserDigests(database, email_digest),
            snapshots,
            change_suppression,
            announce,
            now=_now,
        )
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with closing(passwords):
            async with bounded_shutdown() as at_the_end:  # the last first
                at_the_end(database.close)
                at_the_end(redis.aclose)
                await _ensure_first_admin(EnsureFirstAdmin(users, create_user), settings)
                at_the_end(keeper.stop)
                keeper.start()
                at_the_end(consumer.stop)
                consumer.start()
                yield

    async def check_own_redis() -> None:
        await check_redis(redis)

    return create_app(
        service=SERVICE,
        version=VERSION,
        description="Users, credentials, preferences, API keys and suppressions.",
        routers=[
            user_routes.router,
            preference_routes.router,
            category_routes.router,
            auth_routes.router,
            api_key_routes.router,
            suppression_routes.router,
        ],
        checks={
            "postgres": database.check,
            "redis": check_own_redis,
            "suppressions": consumer.check,
            "suppression_keeper": keeper.check,
        },
        metrics=Metrics(),
        lifespan=lifespan,
        authenticate=Authenticator(
            api_keys=find_api_key,
            tokens=TokenVerifier(issuer.public_keys),
            service_tokens=parse_service_tokens(settings.service_tokens),
        ),
        state={
            "use_cases": UseCases(
                create_user=create_user,
                get_user=get_user,
                get_users=GetUsers(users),
                list_users=ListUsers(users),
                update_user=update_user,
                sign_in=SignIn(users, passwords, keep_signed_in),
                keep_signed_in=keep_signed_in,
                change_password=ChangePassword(users, passwords, update_user, keep_signed_in),
                create_api_key=CreateApiKey(
                    api_keys,
                    snapshots,
                    now=_now,
                    new_id=uuid4,
                    random_bytes=secrets.token_bytes,
                ),
                list_api_keys=ListApiKeys(api_keys),
                revoke_api_key=RevokeApiKey(api_keys, snapshots),
                rotate_api_key=RotateApiKey(
                    api_keys, snapshots, now=_now, random_bytes=secrets.token_bytes
                ),
                find_api_key=find_api_key,
                add_suppression=AddSuppression(change_suppression, now=_now),
                lift_suppression=LiftSuppression(change_suppression, now=_now),
                find_suppressions=FindSuppressions(suppressions, now=_now),
                read_preferences=ReadPreferences(get_user, categories),
                change_preferences=ChangePreferences(update_user, categories),
                read_categories=ReadCategories(categories),
                change_categories=ChangeCategories(categories, snapshots),
                email_digest=email_digest,
                public_keys=issuer.public_keys,
            )
        },
    )


async def _ensure_first_admin(ensure: EnsureFirstAdmin, settings: Settings) -> None:
    """A start without the database fails loudly; the supervisor starts again."""
    if settings.admin_email is None or settings.admin_password is None:
        return
    try:
        await ensure(settings.admin_email, settings.admin_password.get_secret_value())
    except DatabaseUnavailableError:
        _log.error(
            "first_admin.database_unavailable",
            hint="PostgreSQL does not answer at DATABASE_URL, so ADMIN_EMAIL could not be "
            "ensured; start it, then start user-service again.",
        )
        raise


def _email_digest_by(key: bytes) -> Callable[[str], str]:
    return lambda email: address_digest(key, NotificationType.EMAIL, email)


def _now() -> datetime:
    return datetime.now(UTC)
