"""Looks many things up at once, and says of which of them nothing can be said now."""

from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import TypeVar

from api_gateway.usecases.ports import CachedTemplate, CachedUser
from servicekit.bulk_directory import CopiesMissingError
from servicekit.errors import UnavailableError

KeyT = TypeVar("KeyT", bound=Hashable)
CopyT = TypeVar("CopyT", CachedUser, CachedTemplate)


async def find_many(
    find: Callable[[Iterable[KeyT]], Awaitable[dict[KeyT, CopyT]]], keys: set[KeyT]
) -> tuple[dict[KeyT, CopyT], dict[KeyT, UnavailableError]]:
    """What has these keys, and for which of them the owner is away and there is no copy.

    Args:
        find: `UserDirectory.find_many`, or that of templates.
        keys: What is looked for.
    """
    if not keys:
        return {}, {}
    try:
        return await find(keys), {}
    except CopiesMissingError as error:
        missing: dict[KeyT, UnavailableError] = {key: error for key in keys if key in error.keys}
        rest = keys - missing.keys()
        # Of the others there are copies, or they do not exist: this asks for nothing new.
        return (await find(rest) if rest else {}), missing
