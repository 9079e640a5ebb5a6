"""Users as applications, administrators and they themselves see them.

The caller comes first among a route's parameters: FastAPI solves them in order, and strangers
should hear of nothing but themselves.
"""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends

from contracts.access import Scope
from contracts.envelope import Envelope
from contracts.error_codes import ErrorCode
from contracts.snapshot_questions import UserSnapshotsQuestion
from contracts.user_snapshot import UserSnapshot
from servicekit.access import Allow, CallerKind, Principal
from servicekit.documented_errors import errors
from servicekit.errors import ForbiddenError
from servicekit.json_route import JsonRoute
from servicekit.pagination import PageQuery
from servicekit.responses import ok, page_of
from user_service.api.answers import UserAnswer
from user_service.api.commands import new_password, new_user, user_changes
from user_service.api.dependencies import UseCasesHere, UserIdInPath
from user_service.api.schemas import CreateUserBody, PatchUserBody
from user_service.domain.errors import UserNotFoundError

router: Final = APIRouter(prefix="/users", tags=["users"], route_class=JsonRoute)

_Creator = Depends(Allow(scope=Scope.USERS_WRITE))
_Lister = Depends(Allow(scope=Scope.USERS_READ))
_Gateway = Depends(Allow(services=("api-gateway",)))
Reader = Annotated[Principal, Depends(Allow(scope=Scope.USERS_READ, users=True))]
Writer = Annotated[Principal, Depends(Allow(scope=Scope.USERS_WRITE, users=True))]


def refuse_strangers(caller: Principal, user_id: UUID) -> None:
    """People who are no administrators see themselves only; not even that others exist."""
    if caller.kind is CallerKind.USER and not caller.is_admin and caller.id != str(user_id):
        raise UserNotFoundError


@router.post(
    "",
    status_code=201,
    dependencies=[_Creator],
    summary="Create a user",
    responses=errors(ErrorCode.EMAIL_TAKEN, ErrorCode.OVERLOADED),
)
async def create_user(body: CreateUserBody, use_cases: UseCasesHere) -> Envelope[UserAnswer]:
    """A taken e-mail address, in whatever case, is 409 `email_taken`."""
    user = await use_cases.create_user(new_user(body))
    return ok(UserAnswer.of(user), "The user was created.")


@router.get("", dependencies=[_Lister], summary="List users, newest first")
async def list_users(
    query: Annotated[PageQuery, Depends()], use_cases: UseCasesHere
) -> Envelope[list[UserAnswer]]:
    """`meta.total` is exact up to 10,000."""
    users, total = await use_cases.list_users(limit=query.limit, offset=query.offset)
    return page_of(
        [UserAnswer.of(user) for user in users],
        total=total,
        query=query,
        message="Users, newest first.",
    )


@router.get("/{user_id}", summary="Get a user", responses=errors(ErrorCode.USER_NOT_FOUND))
async def get_user(
    caller: Reader, user_id: UserIdInPath, use_cases: UseCasesHere
) -> Envelope[UserAnswer]:
    """A signed-in user sees themselves only."""
    refuse_strangers(caller, user_id)
    return ok(UserAnswer.of(await use_cases.get_user(user_id)), "The user.")


@router.patch(
    "/{user_id}",
    summary="Change a user",
    responses=errors(ErrorCode.USER_NOT_FOUND, ErrorCode.EMAIL_TAKEN, ErrorCode.OVERLOADED),
)
async def update_user(
    caller: Writer, user_id: UserIdInPath, body: PatchUserBody, use_cases: UseCasesHere
) -> Envelope[UserAnswer]:
    """What is left out stays as it is; `push_token: null` clears it.

    A new `password`, and `is_active: false`, end all of the user's sessions.
    """
    refuse_strangers(caller, user_id)
    if "password" in body.model_fields_set and caller.id == str(user_id):
        msg = (
            "One's own password is changed by POST /auth/password, which asks for the present one."
        )
        raise ForbiddenError(msg)
    user = await use_cases.update_user(
        user_id, user_changes(body), password=new_password(body), by=caller
    )
    return ok(UserAnswer.of(user), "The user is as asked for.")


@router.get(
    "/{user_id}/snapshot",
    dependencies=[_Gateway],
    summary="What the gateway decides by",
    responses=errors(ErrorCode.USER_NOT_FOUND),
)
async def get_snapshot(user_id: UserIdInPath, use_cases: UseCasesHere) -> Envelope[UserSnapshot]:
    """The same that Redis holds for the gateway."""
    user = await use_cases.get_user(user_id)
    return ok(user.snapshot(), "The user's snapshot.")


@router.post("/snapshots", dependencies=[_Gateway], summary="What the gateway decides many by")
async def get_snapshots(
    body: UserSnapshotsQuestion, use_cases: UseCasesHere
) -> Envelope[list[UserSnapshot]]:
    """Snapshots of those users that exist, in no order; up to 1,000 at once."""
    users = await use_cases.get_users(body.user_ids)
    return ok([user.snapshot() for user in users], "The users' snapshots.")
