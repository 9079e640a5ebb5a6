"""What a user wants to be told: by the user, an application, or an administrator."""

from typing import Any, Final

from fastapi import APIRouter

from contracts.envelope import Envelope
from contracts.error_codes import ErrorCode
from servicekit.documented_errors import errors
from servicekit.json_route import JsonRoute
from servicekit.responses import ok
from user_service.api.dependencies import UseCasesHere, UserIdInPath
from user_service.api.preferences_schemas import (
    ChangePreferencesBody,
    Choices,
    PreferencesAnswer,
    PutPreferencesBody,
)
from user_service.api.users import Reader, Writer, refuse_strangers
from user_service.domain.choices import ChosenCategories
from user_service.domain.user_changes import UserChanges

router: Final = APIRouter(prefix="/users", tags=["preferences"], route_class=JsonRoute)

_CHANNELS: Final = ("email", "push")


@router.get(
    "/{user_id}/preferences",
    summary="What a user wants to be told",
    responses=errors(ErrorCode.USER_NOT_FOUND),
)
async def get_preferences(
    caller: Reader, user_id: UserIdInPath, use_cases: UseCasesHere
) -> Envelope[PreferencesAnswer]:
    """What they chose, and in `effective` what is sent to them of each category."""
    refuse_strangers(caller, user_id)
    preferences = await use_cases.read_preferences(user_id)
    return ok(PreferencesAnswer.of(preferences), "The user's preferences.")


@router.put(
    "/{user_id}/preferences",
    summary="Replace what a user wants to be told",
    responses=errors(ErrorCode.USER_NOT_FOUND),
)
async def put_preferences(
    caller: Writer, user_id: UserIdInPath, body: PutPreferencesBody, use_cases: UseCasesHere
) -> Envelope[PreferencesAnswer]:
    """In force when this answers. What is left out has its default again."""
    refuse_strangers(caller, user_id)
    preferences = await use_cases.change_preferences(
        user_id,
        UserChanges(email_enabled=body.email, push_enabled=body.push, quiet_hours=body.quiet_hours),
        _chosen(body.categories),
        keep_others=False,
        by=caller,
    )
    return ok(PreferencesAnswer.of(preferences), "The preferences are as asked for.")


@router.patch(
    "/{user_id}/preferences",
    summary="Change what a user wants to be told",
    responses=errors(ErrorCode.USER_NOT_FOUND),
)
async def patch_preferences(
    caller: Writer, user_id: UserIdInPath, body: ChangePreferencesBody, use_cases: UseCasesHere
) -> Envelope[PreferencesAnswer]:
    """In force when this answers. What is left out stays as it is."""
    refuse_strangers(caller, user_id)
    named: dict[str, Any] = {
        f"{channel}_enabled": getattr(body, channel)
        for channel in _CHANNELS
        if channel in body.model_fields_set
    }
    if "quiet_hours" in body.model_fields_set:
        named["quiet_hours"] = body.quiet_hours
    preferences = await use_cases.change_preferences(
        user_id,
        UserChanges(**named),
        _chosen(body.categories) if "categories" in body.model_fields_set else None,
        keep_others=True,
        by=caller,
    )
    return ok(PreferencesAnswer.of(preferences), "The preferences are as asked for.")


def _chosen(choices: Choices) -> ChosenCategories:
    return {
        code: None if choice is None else choice.to_domain() for code, choice in choices.items()
    }
