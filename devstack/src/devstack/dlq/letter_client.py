"""Calls the admin API of dead letters; what is refused becomes a sentence for the operator."""

import re
from collections.abc import Mapping
from typing import Any, Final

from devstack.errors import DevstackError
from servicekit.http_client import AsyncClient, HttpResponse, TransportError

_LETTERS: Final = "/api/v1/admin/dead-letters"
_JOBS: Final = "/api/v1/admin/dead-letter-jobs"
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,100}")

Document = dict[str, Any]


class LetterClient:
    """Speaks to one gateway.

    Args:
        http: Knows the gateway's address, and sends the key with each call.
    """

    def __init__(self, http: AsyncClient) -> None:
        self._http = http

    async def letters(self, query: Mapping[str, str | int]) -> tuple[list[Document], Document]:
        """A page of letters, and where it lies: `total`, `page`, `total_pages`."""
        answer = await self._call("GET", _LETTERS, query=query)
        return answer["data"], answer["meta"]

    async def letter(self, letter_id: str) -> Document:
        """One letter in full."""
        return await self._data("GET", f"{_LETTERS}/{_segment(letter_id)}")

    async def close(self, letter_id: str, action: str) -> Document:
        """Replay or discard one letter; returns it as it is afterwards."""
        return await self._data("POST", f"{_LETTERS}/{_segment(letter_id)}/{action}")

    async def count(self, action: str, selection: Mapping[str, Any]) -> Document:
        """What a job would be for."""
        return await self._data("POST", f"{_LETTERS}/{action}", {**selection, "dry_run": True})

    async def start(self, action: str, selection: Mapping[str, Any]) -> Document:
        """Start a job."""
        return await self._data("POST", f"{_LETTERS}/{action}", selection)

    async def job(self, job_id: str) -> Document:
        """One job as it is now."""
        return await self._data("GET", f"{_JOBS}/{_segment(job_id)}")

    async def jobs(self, query: Mapping[str, str | int]) -> tuple[list[Document], Document]:
        """A page of jobs, and where it lies."""
        answer = await self._call("GET", _JOBS, query=query)
        return answer["data"], answer["meta"]

    async def _data(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Document:
        data: Document = (await self._call(method, path, body=body))["data"]
        return data

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Document:
        try:
            answer = await self._http.request(method, path, params=query, json=body)
        except TransportError as error:
            raise DevstackError(
                f"The gateway at {self._http.base_url} does not answer "
                f"({str(error) or type(error).__name__}); look whether it runs, and try again."
            ) from error
        document = _envelope(answer)
        if document is None:
            raise DevstackError(
                f"What answers at {self._http.base_url} is not the gateway (status "
                f"{answer.status_code}, no JSON of its kind); correct GATEWAY_URL."
            )
        if not answer.is_success:
            raise DevstackError(_refusal(answer.status_code, document))
        return document


def _segment(text: str) -> str:
    """An id as a part of a path, whatever was typed."""
    if not _ID.fullmatch(text):
        raise DevstackError(f"{text!r} is no id; `list` and `jobs` show the ids that there are.")
    return text


def _envelope(answer: HttpResponse) -> Document | None:
    try:
        document = answer.json()
    except ValueError:
        return None
    return document if isinstance(document, dict) and "success" in document else None


def _refusal(status: int, document: Document) -> str:
    message = str(document.get("message") or f"The gateway answered {status}.")
    details = document.get("details") or []
    match status:
        case 401:
            return f"{message} API_KEY is not a key of this gateway; create one, or correct it."
        case 403:
            return f"{message} Create such a key, and set API_KEY to it."
        case 404:
            return f"{message} `list` and `jobs` show the ids that there are."
        case 422 if details:
            return " ".join(
                f"{detail.get('field')}: {str(detail.get('message')).rstrip('.')}."
                for detail in details
            )
        case 429 | 503:
            return f"{message} Try again in a few seconds."
        case status if status >= 500:
            return f"{message} Look into the gateway's log (status {status}), and try again."
    return message
