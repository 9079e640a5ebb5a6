"""`/docs`: Swagger UI, served by ourselves, as systems without internet need it.

Its files come in the package fastapi-offline; FastAPI's own page loads them from a network of
somebody else's.
"""

from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import FileResponse, HTMLResponse

_SCRIPT: Final = "swagger-ui-bundle.js"
_STYLE: Final = "swagger-ui.css"
_ICON: Final = "favicon.png"
_UNCHANGED_SECONDS: Final = 3_600


def docs_router(title: str) -> APIRouter:
    """Routes of the page and its files.

    Args:
        title: Of the page.
    """
    router = APIRouter(prefix="/docs", include_in_schema=False)
    folder = Path(str(files("fastapi_offline") / "static"))

    @router.get("")
    async def page() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=title,
            swagger_js_url=f"/docs/{_SCRIPT}",
            swagger_css_url=f"/docs/{_STYLE}",
            swagger_favicon_url=f"/docs/{_ICON}",
        )

    @router.get(f"/{_SCRIPT}")
    async def script() -> FileResponse:
        return _file(folder / _SCRIPT)

    @router.get(f"/{_STYLE}")
    async def style() -> FileResponse:
        return _file(folder / _STYLE)

    @router.get(f"/{_ICON}")
    async def icon() -> FileResponse:
        return _file(folder / _ICON)

    return router


def _file(path: Path) -> FileResponse:
    return FileResponse(path, headers={"Cache-Control": f"max-age={_UNCHANGED_SECONDS}"})
