"""Builds the gateway and its relay out of real adapters; the only module that knows them all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from fastapi import FastAPI
from uuid_utils.compat import uuid7

from api_gateway.adapters.amqp_messages import AmqpMessagePublisher
from api_gateway.adapters.amqp_outcome_reports import AmqpOutcomeReports
from api_gateway.adapters.backlog_gauge import BacklogGauge
from api_gateway.adapters.failpoints import (
    FragileOutbox,
    FragilePublisher,
    FragileReservations,
    FragileStore,
)
from api_gateway.adapters.group_commit import GroupCommit
from api_gateway.adapters.http_headline_renderer import HttpHeadlineRenderer
from api_gateway.adapters.lane_watch import LaneWatch
from api_gateway.adapters.outbox_queue import OutboxQueue
from api_gateway.adapters.postgres_batches import PostgresBatchHistory
from api_gateway.adapters.postgres_dead_letter_gauge import PostgresDeadLetterGauge
from api_gateway.adapters.postgres_dead_letter_jobs import PostgresDeadLetterJobs
from api_gateway.adapters.postgres_dead_letter_keeper import PostgresDeadLetterKeeper
from api_gateway.adapters.postgres_dead_letters import PostgresDeadLetters
from api_gateway.adapters.postgres_due_erasures import PostgresDueErasures
from api_gateway.adapters.postgres_expired_keys import PostgresExpiredKeys
from api_gateway.adapters.postgres_history import PostgresHistory
from api_gateway.adapters.postgres_known_notifications import PostgresKnownNotifications
from api_gateway.adapters.postgres_months import PostgresMonths
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_outbox import PostgresOutbox
from api_gateway.adapters.postgres_outcomes import PostgresOutcomeRecorder
from api_gateway.adapters.postgres_schedule import PostgresSchedule
from api_gateway.adapters.postgres_silent_deliveries import PostgresSilentDeliveries
from api_gateway.adapters.redis_reservations import RedisReservations
from api_gateway.adapters.remote_categories import RemoteCategories
from api_gateway.adapters.remote_snapshots import RemoteTemplates, RemoteUsers
from api_gateway.api import (
    batches,
    dead_letter_jobs,
    dead_letters,
    explanations,
    notifications,
    status_reports,
)
from api_gateway.api.door import EMAIL, TEMPLATES, USERS, door_router
from api_gateway.consumers.dead_letter_jobs import DeadLetterJobRunner
from api_gateway.consumers.dead_letter_watch import DeadLetterWatch
from api_gateway.consumers.dead_letters import DeadLetterConsumer
from api_gateway.consumers.key_sweeper import KeySweeper
from api_gateway.consumers.month_keeper import MonthKeeper
from api_gateway.consumers.outbox_poller import OutboxPoller
from api_gateway.consumers.outcomes import OutcomeConsumer
from api_gateway.consumers.reconciler import Reconciler
from api_gateway.consumers.rounds import Rounds
from api_gateway.consumers.scheduler import Scheduler
from api_gateway.consumers.variable_eraser import VariableEraser
from api_gateway.settings import RelaySettings, Settings
from api_gateway.usecases.accept_batch import AcceptBatch
from api_gateway.usecases.accept_notification import AcceptNotification
from api_gateway.usecases.cancel_notification import CancelNotification
from api_gateway.usecases.delete_expired_keys import DeleteExpiredKeys
from api_gateway.usecases.discard_dead_letter import DiscardDeadLetter
from api_gateway.usecases.erase_variables import EraseVariables
from api_gateway.usecases.explain_notification import ExplainNotification
from api_gateway.usecases.keep_dead_letters import KeepDeadLetters
from api_gateway.usecases.keep_months import KeepMonths
from api_gateway.usecases.list_dead_letters import ListDeadLetters
from api_gateway.usecases.ports import (
    MessagePublisher,
    NotificationStore,
    Outbox,
    Reservations,
)
from api_gateway.usecases.read_batch import ReadBatch
from api_gateway.usecases.read_dead_letter import ReadDeadLetter
from api_gateway.usecases.read_dead_letter_job import ReadDeadLetterJob
from api_gateway.usecases.read_notifications import ReadNotifications
from api_gateway.usecases.reconcile_deliveries import ReconcileDeliveries
from api_gateway.usecases.record_outcomes import RecordOutcomes
from api_gateway.usecases.relay_outbox import RelayOutbox
from api_gateway.usecases.release_scheduled import ReleaseScheduled
from api_gateway.usecases.replay_dead_letter import ReplayDeadLetter
from api_gateway.usecases.report_status import ReportStatus
from api_gateway.usecases.start_dead_letter_job import StartDeadLetterJob
from api_gateway.usecases.work_on_dead_letter_job import WorkOnDeadLetterJob
from contracts.names import EVENTS_EXCHANGE, NOTIFICATIONS_EXCHANGE
from servicekit.app import create_app
from servicekit.authentication import Authenticator
from servicekit.database import Database
from servicekit.failpoints import Failpoints
from servicekit.forwarding import DEADLINE_SECONDS, Forwarder
from servicekit.http_client import AsyncClient, create_http_client
from servicekit.metrics import Metrics
from servicekit.publisher import Publisher
from servicekit.redis import RedisPause, check_redis, create_redis
from servicekit.remote_api_keys import RemoteApiKeys
from servicekit.remote_keys import fetch_jwks_from
from servicekit.service_client import ServiceClient
from servicekit.service_tokens import parse_service_tokens
from servicekit.shutdown import bounded_shutdown
from servicekit.tokens import TokenVerifier

SERVICE: Final = "api-gateway"
RELAY: Final = "relay"
VERSION: Final = "0.1.0"
_SERVICE_CALL_SECONDS: Final = 1.0
_UPKEEP_SECONDS: Final = 120.0


def build_app(settings: Settings) -> FastAPI:
    """The HTTP API."""
    tokens = settings.service_tokens
    metrics = Metrics()
    database = Database(
        settings.database_url.get_secret_value(),
        name=SERVICE,
        pool_size=settings.database_pool_size,
    )
    # All that we ask Redis can be had elsewhere; a request must not wait for it repeatedly.
    pause = RedisPause()
    redis = create_redis(
        settings.redis_url.get_secret_value(), name=SERVICE, max_connections=50, pause=pause
    )
    clients = _service_clients(settings)
    user_service = ServiceClient("user-service", clients[0], metrics=metrics)
    template_service = ServiceClient("template-service", clients[1], metrics=metrics)
    publisher = Publisher(
        settings.amqp_url.get_secret_value(),
        name="api-gateway-publish",
        exchanges=(NOTIFICATIONS_EXCHANGE, EVENTS_EXCHANGE),
    )
    outbox: Outbox = PostgresOutbox(database)
    message_publisher: MessagePublisher = AmqpMessagePublisher(publisher)
    backlog = BacklogGauge(
        database, publisher.check, most_of_a_caller=settings.most_waiting_of_a_caller
    )
    lane_watch = LaneWatch(database, publisher, window=settings.caller_window)
    users = RemoteUsers(redis, user_service, metrics)
    templates = RemoteTemplates(redis, template_service, metrics)
    categories = RemoteCategories(redis, user_service, metrics)
    store = PostgresNotificationStore(
        database, reconcile_after=timedelta(seconds=settings.reconcile_after_seconds)
    )
    single_store: NotificationStore = GroupCommit(store)
    reservations: Reservations = RedisReservations(redis, pause, metrics)
    if settings.failpoint is not None:
        failpoints = Failpoints(settings.failpoint, settings.failpoint_file)
        outbox = FragileOutbox(outbox, failpoints)
        message_publisher = FragilePublisher(message_publisher, failpoints)
        single_store = FragileStore(single_store, failpoints)
        reservations = FragileReservations(reservations, failpoints)
    outbox_queue = OutboxQueue(outbox, message_publisher, lane_watch)
    door_clients = _door_clients(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with bounded_shutdown() as at_the_end:  # the last first
            at_the_end(database.close)
            at_the_end(redis.aclose)
            for client in (*clients, *door_clients.values()):
                at_the_end(client.aclose)
            at_the_end(backlog.stop)
            backlog.start()
            at_the_end(publisher.close)
            publisher.start()
            at_the_end(lane_watch.stop)
            lane_watch.start()
            at_the_end(outbox_queue.stop)
            outbox_queue.start()
            yield

    return create_app(
        service=SERVICE,
        version=VERSION,
        description="Accepts notifications durably and explains what happened to them.",
        routers=[
            notifications.router,
            batches.router,
            explanations.router,
            status_reports.router,
            dead_letters.router,
            dead_letter_jobs.router,
            door_router(),
        ],
        checks={
            "postgres": database.check,
            "redis": lambda: check_redis(redis),
            "rabbitmq": publisher.check,
            "outbox_queue": outbox_queue.check,
            "backlog_gauge": backlog.check_measuring,
            "lane_watch": lane_watch.check,
        },
        metrics=metrics,
        lifespan=lifespan,
        larger_bodies={batches.BATCH_PATH: batches.MAX_BATCH_BYTES},
        authenticate=Authenticator(
            api_keys=RemoteApiKeys(redis, user_service, metrics=metrics),
            tokens=TokenVerifier(fetch_jwks_from(user_service)),
            service_tokens=parse_service_tokens(tokens) if tokens else None,
        ),
        state={
            "accept_notification": AcceptNotification(
                users=users,
                templates=templates,
                categories=categories,
                reservations=reservations,
                store=single_store,
                publisher=outbox_queue,
                admission=backlog,
                now=_utc_now,
                new_id=uuid7,
            ),
            "accept_batch": AcceptBatch(
                users=users,
                templates=templates,
                categories=categories,
                reservations=reservations,
                store=store,
                publisher=outbox_queue,
                admission=backlog,
                now=_utc_now,
                new_id=uuid7,
            ),
            "forwarders": {
                name: Forwarder(name, client, metrics=metrics)
                for name, client in door_clients.items()
            },
            "read_batch": ReadBatch(PostgresBatchHistory(database)),
            "explain_notification": ExplainNotification(
                users=users,
                templates=templates,
                categories=categories,
                renderer=HttpHeadlineRenderer(template_service),
                admission=backlog,
                now=_utc_now,
            ),
            "read_notifications": ReadNotifications(PostgresHistory(database)),
            "cancel_notification": CancelNotification(
                PostgresSchedule(database), PostgresHistory(database)
            ),
            "report_status": ReportStatus(
                PostgresKnownNotifications(database), AmqpOutcomeReports(publisher), now=_utc_now
            ),
            **_dead_letter_use_cases(database, settings),
        },
    )


def build_relay(settings: RelaySettings) -> FastAPI:
    """The relay: health and metrics over HTTP, its work in the background."""
    metrics = Metrics()
    database = Database(
        settings.database_url.get_secret_value(), name=RELAY, pool_size=settings.database_pool_size
    )
    # For what may take long and happens rarely.
    upkeep = Database(
        settings.database_url.get_secret_value(),
        name=f"{RELAY}-upkeep",
        pool_size=1,
        statement_seconds=_UPKEEP_SECONDS,
    )
    amqp_url = settings.amqp_url.get_secret_value()
    publisher = Publisher(amqp_url, name="relay-publish", exchanges=(NOTIFICATIONS_EXCHANGE,))
    poller = OutboxPoller(
        RelayOutbox(PostgresOutbox(database), AmqpMessagePublisher(publisher), publisher), metrics
    )
    redis = create_redis(settings.redis_url.get_secret_value(), name=RELAY, pause=RedisPause())
    clients = _service_clients(settings)
    user_service = ServiceClient("user-service", clients[0], metrics=metrics)
    template_service = ServiceClient("template-service", clients[1], metrics=metrics)
    reconcile_after = timedelta(seconds=settings.reconcile_after_seconds)
    outcomes = OutcomeConsumer(
        amqp_url,
        RecordOutcomes(PostgresOutcomeRecorder(database, reconcile_after=reconcile_after)),
    )
    dead_letters = DeadLetterConsumer(
        amqp_url,
        KeepDeadLetters(PostgresDeadLetterKeeper(database), now=_utc_now),
        metrics,
    )
    rounds: dict[str, Rounds] = {
        "outbox_poller": poller,
        "key_sweeper": KeySweeper(DeleteExpiredKeys(PostgresExpiredKeys(database))),
        "reconciler": Reconciler(
            ReconcileDeliveries(
                PostgresSilentDeliveries(database, reconcile_after=reconcile_after)
            ),
            metrics,
            reconcile_after=reconcile_after,
        ),
        "dead_letter_jobs": DeadLetterJobRunner(
            WorkOnDeadLetterJob(
                PostgresDeadLetterJobs(database, reconcile_after=reconcile_after), _utc_now
            ),
            metrics,
        ),
        "scheduler": Scheduler(
            ReleaseScheduled(
                schedule=PostgresSchedule(database, reconcile_after=reconcile_after),
                users=RemoteUsers(redis, user_service, metrics),
                categories=RemoteCategories(redis, user_service, metrics),
                templates=RemoteTemplates(redis, template_service, metrics),
                now=_utc_now,
                new_id=uuid7,
            ),
            metrics,
        ),
        "dead_letter_watch": DeadLetterWatch(PostgresDeadLetterGauge(database), metrics),
        "variable_eraser": VariableEraser(EraseVariables(PostgresDueErasures(database))),
        "month_keeper": MonthKeeper(
            KeepMonths(
                PostgresMonths(upkeep),
                retention=timedelta(days=settings.history_retention_days) or None,
                now=_utc_now,
            ),
            metrics,
        ),
    }

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with bounded_shutdown() as at_the_end:  # the last first
            at_the_end(database.close)
            at_the_end(redis.aclose)
            for client in clients:
                at_the_end(client.aclose)
            at_the_end(upkeep.close)
            at_the_end(publisher.close)
            publisher.start()
            for one in rounds.values():
                at_the_end(one.stop)
                one.start()
            for consumer in (outcomes, dead_letters):
                at_the_end(consumer.stop)
                consumer.start()
            yield

    return create_app(
        service=RELAY,
        version=VERSION,
        description=(
            "Publishes what the gateway left behind or nothing was heard of, releases what was "
            "scheduled, records the workers' outcomes, and keeps dead letters."
        ),
        checks={
            "postgres": database.check,
            "rabbitmq": publisher.check,
            "outcomes": outcomes.check,
            "dead_letters": dead_letters.check,
            **{name: one.check for name, one in rounds.items()},
        },
        metrics=metrics,
        lifespan=lifespan,
    )


def _service_clients(settings: Settings | RelaySettings) -> list[AsyncClient]:
    """Of user-service and template-service."""
    return [
        create_http_client(
            str(url),
            timeout_seconds=_SERVICE_CALL_SECONDS,
            service_token=settings.service_token.get_secret_value(),
        )
        for url in (settings.user_service_url, settings.template_service_url)
    ]


def _door_clients(settings: Settings) -> dict[str, AsyncClient]:
    """Of the services behind the door, by name; without our token, for it is others who call."""
    urls = {
        USERS: settings.user_service_url,
        TEMPLATES: settings.template_service_url,
        EMAIL: settings.email_service_url,
    }
    return {
        name: create_http_client(str(url), timeout_seconds=DEADLINE_SECONDS)
        for name, url in urls.items()
        if url is not None
    }


def _dead_letter_use_cases(database: Database, settings: Settings) -> dict[str, object]:
    after = timedelta(seconds=settings.reconcile_after_seconds)
    letters = PostgresDeadLetters(database, reconcile_after=after)
    jobs = PostgresDeadLetterJobs(database, reconcile_after=after)
    return {
        "list_dead_letters": ListDeadLetters(letters),
        "read_dead_letter": ReadDeadLetter(letters),
        "replay_dead_letter": ReplayDeadLetter(letters, _utc_now),
        "discard_dead_letter": DiscardDeadLetter(letters, _utc_now),
        "start_dead_letter_job": StartDeadLetterJob(letters, jobs, uuid7),
        "read_dead_letter_job": ReadDeadLetterJob(jobs),
    }


def _utc_now() -> datetime:
    return datetime.now(UTC)
