"""What notifications are about: the catalogue that users choose from."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Response

from contracts.access import Scope
from contracts.category import CATEGORY_CODE, Category, CategoryCatalogue
from contracts.envelope import Envelope
from contracts.error_codes import ErrorCode
from servicekit.access import Allow
from servicekit.documented_errors import errors
from servicekit.json_route import JsonRoute
from servicekit.responses import ok
from user_service.api.dependencies import UseCasesHere
from user_service.api.preferences_schemas import CategoryAnswer, DescribeCategoryBody

router: Final = APIRouter(prefix="/categories", tags=["preferences"], route_class=JsonRoute)

_AdminOnly = Depends(Allow())
_Reader = Depends(Allow(scope=Scope.USERS_READ, users=True))
_Gateway = Depends(Allow(services=("api-gateway",)))
_Code = Annotated[str, Path(pattern=CATEGORY_CODE, description="As templates name it.")]


@router.get("", dependencies=[_Reader], summary="List categories")
async def list_categories(use_cases: UseCasesHere) -> Envelope[list[CategoryAnswer]]:
    """All of them, in the order of their codes."""
    catalogue = await use_cases.read_categories()
    return ok([CategoryAnswer.of(one) for one in catalogue.categories], "The categories.")


@router.get("/catalogue", dependencies=[_Gateway], summary="What the gateway decides by")
async def get_catalogue(use_cases: UseCasesHere) -> Envelope[CategoryCatalogue]:
    """The same that Redis holds for the gateway."""
    return ok(await use_cases.read_categories(), "The catalogue.")


@router.put(
    "/{code}",
    dependencies=[_AdminOnly],
    summary="Describe a category",
    responses={201: {"model": Envelope[CategoryAnswer], "description": "It is new."}},
)
async def describe_category(
    code: _Code, body: DescribeCategoryBody, response: Response, use_cases: UseCasesHere
) -> Envelope[CategoryAnswer]:
    """Add one, or say anew what one is. In force within two seconds.

    What becomes `required` is sent also to those who had opted out of it.
    """
    category = Category(code=code, name=body.name, default=body.default, is_urgent=body.is_urgent)
    if await use_cases.change_categories.describe(category):
        response.status_code = 201
    return ok(CategoryAnswer.of(category), "The category is as asked for.")


@router.delete(
    "/{code}",
    dependencies=[_AdminOnly],
    summary="Remove a category",
    responses=errors(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
)
async def remove_category(code: _Code, use_cases: UseCasesHere) -> Envelope[CategoryAnswer]:
    """Built-in ones cannot be. What users chose for it counts again when it comes back.

    Templates that name it are sent until a user opts out, as with any unknown category.
    """
    removed = await use_cases.change_categories.remove(code)
    return ok(CategoryAnswer.of(removed), "The category is removed.")
