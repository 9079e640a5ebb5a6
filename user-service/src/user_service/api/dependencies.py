"""What routes are given: the use cases, and parameters that several of them take."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Request

from user_service.domain.errors import ApiKeyNotFoundError, UserNotFoundError
from user_service.usecases.add_suppression import AddSuppression
from user_service.usecases.change_categories import ChangeCategories
from user_service.usecases.change_password import ChangePassword
from user_service.usecases.create_api_key import CreateApiKey
from user_service.usecases.create_user import CreateUser
from user_service.usecases.find_api_key import FindApiKey
from user_service.usecases.find_suppressions import FindSuppressions
from user_service.usecases.get_user import GetUser
from user_service.usecases.get_users import GetUsers
from user_service.usecases.lift_suppression import LiftSuppression
from user_service.usecases.list_api_keys import ListApiKeys
from user_service.usecases.list_users import ListUsers
from user_service.usecases.preferences import ChangePreferences, ReadPreferences
from user_service.usecases.read_categories import ReadCategories
from user_service.usecases.revoke_api_key import RevokeApiKey
from user_service.usecases.rotate_api_key import RotateApiKey
from user_service.usecases.sessions import KeepSignedIn
from user_service.usecases.sign_in import SignIn
from user_service.usecases.update_user import UpdateUser


@dataclass(frozen=True)
class UseCases:
    """All that this service can do; built once, in bootstrap."""

    create_user: CreateUser
    get_user: GetUser
    get_users: GetUsers
    list_users: ListUsers
    update_user: UpdateUser
    sign_in: SignIn
    keep_signed_in: KeepSignedIn
    change_password: ChangePassword
    create_api_key: CreateApiKey
    list_api_keys: ListApiKeys
    revoke_api_key: RevokeApiKey
    rotate_api_key: RotateApiKey
    find_api_key: FindApiKey
    add_suppression: AddSuppression
    lift_suppression: LiftSuppression
    find_suppressions: FindSuppressions
    read_preferences: ReadPreferences
    change_preferences: ChangePreferences
    read_categories: ReadCategories
    change_categories: ChangeCategories
    email_digest: Callable[[str], str]
    public_keys: Callable[[], Awaitable[dict[str, Any]]]


def _use_cases(request: Request) -> UseCases:
    use_cases: UseCases = request.app.state.use_cases
    return use_cases


def _user_id(user_id: Annotated[str, Path(description="The user's id, a UUID.")]) -> UUID:
    """An id that no user can have is simply not found."""
    try:
        return UUID(user_id)
    except ValueError as error:
        raise UserNotFoundError from error


def _key_id(key_id: Annotated[str, Path(description="The key's id, a UUID.")]) -> UUID:
    try:
        return UUID(key_id)
    except ValueError as error:
        raise ApiKeyNotFoundError from error


UseCasesHere = Annotated[UseCases, Depends(_use_cases)]
UserIdInPath = Annotated[UUID, Depends(_user_id)]
KeyIdInPath = Annotated[UUID, Depends(_key_id)]
