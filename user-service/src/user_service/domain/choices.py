"""What a user chooses for categories: what is refused, and what becomes of earlier choices."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from contracts.category import CategoryCatalogue, CategoryDefault
from contracts.consent import Stance, stance
from contracts.envelope import ErrorDetail
from contracts.notification import NotificationType
from contracts.preferences import ChannelChoice
from user_service.domain.user import CategoryChoices, User

ChosenCategories = Mapping[str, ChannelChoice | None]
"""By category; None: what was chosen for it is forgotten."""


@dataclass(frozen=True, slots=True)
class EffectiveCategory:
    """What is sent to a user of one category, after all that counts."""

    code: str
    name: str
    default: CategoryDefault
    email: bool
    push: bool


def objections_to(chosen: ChosenCategories, catalogue: CategoryCatalogue) -> Iterator[ErrorDetail]:
    """What cannot be chosen."""
    for code, choice in chosen.items():
        category = catalogue.find(code)
        if category is None:
            yield ErrorDetail(
                field=f"categories.{code}",
                code="category_unknown",
                message="There is no such category.",
            )
        elif category.default is CategoryDefault.REQUIRED and choice is not None:
            for channel in NotificationType:
                if choice.on(channel) is False:
                    yield ErrorDetail(
                        field=f"categories.{code}.{channel}",
                        code="category_required",
                        message="Nobody can opt out of this category: it is required.",
                    )


def replaced(chosen: ChosenCategories) -> CategoryChoices:
    """The choices, where earlier ones are forgotten."""
    return {
        code: choice
        for code, choice in chosen.items()
        if choice is not None and choice != ChannelChoice()
    }


def merged(earlier: CategoryChoices, chosen: ChosenCategories) -> CategoryChoices:
    """The choices, where earlier ones stay but for what is named now."""
    result: dict[str, ChannelChoice | None] = {**earlier}
    for code, choice in chosen.items():
        if choice is None:
            result[code] = None
        else:
            held = earlier.get(code, ChannelChoice())
            named = {name: getattr(choice, name) for name in choice.model_fields_set}
            result[code] = held.model_copy(update=named)
    return replaced(result)


def effective(user: User, catalogue: CategoryCatalogue) -> tuple[EffectiveCategory, ...]:
    """What a user gets of each category."""

    def wants(code: str, default: CategoryDefault, channel: NotificationType) -> bool:
        choice = user.category_choices.get(code)
        return stance(user.channels, choice, default, channel) is Stance.WANTED

    return tuple(
        EffectiveCategory(
            code=one.code,
            name=one.name,
            default=one.default,
            email=wants(one.code, one.default, NotificationType.EMAIL),
            push=wants(one.code, one.default, NotificationType.PUSH),
        )
        for one in catalogue.categories
    )
