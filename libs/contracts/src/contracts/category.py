"""What notifications are about, and what counts where a user has not chosen.

A template names its category. user-service keeps the catalogue, in which administrators put
categories of their own; the gateway decides by it.
"""

from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

CATEGORY_CODE: Final = r"^[a-z][a-z0-9_]{0,49}$"
"""As a regular expression: how a category may be called."""

CategoryCode = Annotated[str, Field(pattern=CATEGORY_CODE, max_length=50)]


class CategoryDefault(StrEnum):
    """What counts for a user who has not chosen."""

    OPTED_IN = "opted_in"
    """Sent until they opt out."""
    OPTED_OUT = "opted_out"
    """Not sent until they opt in."""
    REQUIRED = "required"
    """Sent whatever they choose, since they cannot do without; opting out is refused."""


class Category(BaseModel):
    """One category.

    Attributes:
        is_urgent: Overtakes others unless the request says otherwise, and is sent in quiet hours.
    """

    model_config = ConfigDict(frozen=True)

    code: CategoryCode
    name: str
    default: CategoryDefault
    is_urgent: bool = False


class CategoryCatalogue(BaseModel):
    """All categories, as of one version; a higher one is newer."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                "version": 7,
                "categories": [
                    {
                        "code": "marketing",
                        "name": "Marketing",
                        "default": "opted_in",
                        "is_urgent": False,
                    }
                ],
            }
        },
    )

    version: int = Field(ge=0)
    categories: tuple[Category, ...]

    def find(self, code: str) -> Category | None:
        """The category with this code."""
        return self._by_code.get(code)

    def of(self, code: str) -> Category:
        """The same; one that nobody has described is sent until a user opts out."""
        return self.find(code) or Category.model_construct(
            code=code, name=code, default=CategoryDefault.OPTED_IN, is_urgent=False
        )

    @cached_property
    def _by_code(self) -> dict[str, Category]:
        return {category.code: category for category in self.categories}


BUILT_IN: Final = CategoryCatalogue(
    version=0,
    categories=(
        Category(
            code="email_verification",
            name="Confirming an email address",
            default=CategoryDefault.REQUIRED,
            is_urgent=True,
        ),
        Category(
            code="password_reset",
            name="Resetting a password",
            default=CategoryDefault.REQUIRED,
            is_urgent=True,
        ),
        Category(
            code="security_alert",
            name="Security",
            default=CategoryDefault.REQUIRED,
            is_urgent=True,
        ),
        Category(code="welcome", name="Welcome", default=CategoryDefault.OPTED_IN),
        Category(code="order", name="Orders", default=CategoryDefault.OPTED_IN),
        Category(code="marketing", name="News and offers", default=CategoryDefault.OPTED_IN),
    ),
)
"""What every installation begins with; what counts is the catalogue that user-service keeps."""
