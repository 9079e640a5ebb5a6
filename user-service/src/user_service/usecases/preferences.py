"""Read and change what a user wants to be told."""

from dataclasses import dataclass, replace
from uuid import UUID

from contracts.category import CategoryCatalogue
from servicekit.access import Principal
from servicekit.errors import UnprocessableContentError
from user_service.domain.category_ports import Categories
from user_service.domain.choices import ChosenCategories, merged, objections_to, replaced
from user_service.domain.user import User
from user_service.domain.user_changes import UserChanges
from user_service.usecases.get_user import GetUser
from user_service.usecases.update_user import UpdateUser


@dataclass(frozen=True, slots=True)
class Preferences:
    """A user, and the categories that they can choose from."""

    user: User
    catalogue: CategoryCatalogue


class ReadPreferences:
    """Reads them."""

    def __init__(self, get_user: GetUser, categories: Categories) -> None:
        self._get_user = get_user
        self._categories = categories

    async def __call__(self, user_id: UUID) -> Preferences:
        """What a user wants.

        Raises:
            UserNotFoundError: There is no such user.
        """
        user = await self._get_user(user_id)
        return Preferences(user, await self._categories.catalogue())


class ChangePreferences:
    """Changes them; the gateway knows before the caller does."""

    def __init__(self, update_user: UpdateUser, categories: Categories) -> None:
        self._update_user = update_user
        self._categories = categories

    async def __call__(
        self,
        user_id: UUID,
        changes: UserChanges,
        chosen: ChosenCategories | None,
        *,
        keep_others: bool,
        by: Principal,
    ) -> Preferences:
        """Change what is named.

        Args:
            user_id: Whose they are.
            changes: Channels and quiet hours.
            chosen: Choices for categories; None: all stay as they are.
            keep_others: Whether earlier choices stay where `chosen` names none.
            by: Who asks.

        Raises:
            UserNotFoundError: There is no such user.
            UnprocessableContentError: A category is unknown, or is required and opted out of.
            ForbiddenError: The caller may not change this user.
        """
        catalogue = await self._categories.catalogue()
        if chosen is not None:
            objections = list(objections_to(chosen, catalogue))
            if objections:
                msg = "Some categories cannot be chosen so."
                raise UnprocessableContentError(msg, details=objections)
            changes = replace(
                changes,
                category_choices=lambda earlier: (
                    merged(earlier, chosen) if keep_others else replaced(chosen)
                ),
            )
        return Preferences(await self._update_user(user_id, changes, by=by), catalogue)
