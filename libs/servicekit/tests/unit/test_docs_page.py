import re
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI


async def test_the_documentation_comes_from_the_service_itself(
    make_app: Callable[..., FastAPI], connect_to: Any
) -> None:
    async with connect_to(make_app()) as client:
        page = await client.get("/docs")
        assert page.status_code == 200
        assert "/openapi.json" in page.text
        assert not re.search(r"https?://", page.text)
        files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(files) == 3
        for file in files:
            answer = await client.get(file)
            assert answer.status_code == 200, file
            assert len(answer.content) > 1_000
