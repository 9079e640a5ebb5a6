"""What a user wants to be told, as it is asked for and answered."""

from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool
from pydantic.config import JsonDict

from contracts.category import Category, CategoryCode, CategoryDefault
from contracts.preferences import ChannelChoice, QuietHours
from servicekit.text_types import Name
from user_service.api.schemas import Body, Timezone
from user_service.domain.choices import effective
from user_service.usecases.preferences import Preferences

_MOST_CATEGORIES: Final = 200

_QUIET: Final[JsonDict] = {"start": "22:00", "end": "07:00", "timezone": None}
_ASKED: Final[JsonDict] = {
    "email": True,
    "push": True,
    "categories": {"marketing": {"email": False}},
    "quiet_hours": _QUIET,
}
_ANSWERED: Final[JsonDict] = {
    "email": True,
    "push": True,
    "categories": {"marketing": {"email": False, "push": None}},
    "quiet_hours": _QUIET,
    "effective": [
        {
            "code": "marketing",
            "name": "News and offers",
            "default": "opted_in",
            "email": False,
            "push": True,
        }
    ],
}
_CATEGORY: Final[JsonDict] = {
    "code": "shipping",
    "name": "Where your parcel is",
    "default": "opted_in",
    "is_urgent": False,
}


class ChoiceBody(Body):
    """What is chosen for a category; null: its default counts again."""

    email: StrictBool | None = None
    push: StrictBool | None = None

    def to_domain(self) -> ChannelChoice:
        """The same, with what was named."""
        return ChannelChoice(**{name: getattr(self, name) for name in self.model_fields_set})


class QuietHoursBody(QuietHours):
    """Quiet hours whose time zone there is."""

    timezone: Timezone | None = Field(default=None, description="IANA; null: the user's.")


Choices = Annotated[
    dict[CategoryCode, ChoiceBody | None],
    Field(
        max_length=_MOST_CATEGORIES,
        description="Choices by category; null forgets what was chosen for one.",
    ),
]


class PutPreferencesBody(Body):
    """All that a user wants; what is left out has its default."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ASKED]})

    email: StrictBool = True
    push: StrictBool = True
    categories: Choices = Field(default_factory=dict)
    quiet_hours: QuietHoursBody | None = None


class ChangePreferencesBody(Body):
    """What is to be different; what is left out stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"categories": {"marketing": {"email": False}}}]}
    )

    email: StrictBool = Field(default_factory=bool)
    push: StrictBool = Field(default_factory=bool)
    categories: Choices = Field(default_factory=dict)
    quiet_hours: QuietHoursBody | None = None


class EffectiveCategoryAnswer(BaseModel):
    """What is sent of a category, after channels, choices and defaults."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    default: CategoryDefault
    email: bool
    push: bool


class PreferencesAnswer(BaseModel):
    """What a user has chosen, and in `effective` what comes of it."""

    model_config = ConfigDict(json_schema_extra={"example": _ANSWERED})

    email: bool
    push: bool
    categories: dict[str, ChannelChoice] = Field(
        description="What was chosen; a category that is not here has its default."
    )
    quiet_hours: QuietHours | None
    effective: list[EffectiveCategoryAnswer]

    @classmethod
    def of(cls, preferences: Preferences) -> Self:
        """From the domain."""
        user = preferences.user
        return cls(
            email=user.email_enabled,
            push=user.push_enabled,
            categories=user.category_choices,
            quiet_hours=user.quiet_hours,
            effective=[
                EffectiveCategoryAnswer.model_validate(one)
                for one in effective(user, preferences.catalogue)
            ],
        )


class DescribeCategoryBody(Body):
    """What a category is called, and what counts for who has not chosen."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Where your parcel is", "default": "opted_in"}]}
    )

    name: Name
    default: CategoryDefault
    is_urgent: StrictBool = Field(
        default=False, description="Overtakes others, and is sent in quiet hours."
    )


class CategoryAnswer(Category):
    """A category."""

    model_config = ConfigDict(json_schema_extra={"example": _CATEGORY})

    @classmethod
    def of(cls, category: Category) -> Self:
        """From the domain."""
        return cls(**category.model_dump())
