"""What the use cases need from outside."""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from contracts.template_snapshot import TemplateSnapshot
from template_service.domain.publication import Current, Revision
from template_service.domain.template import PublishedVersion, Template, TemplateAtVersion

Decide = Callable[[Current], Revision]
"""Pure: it may be called while the template is locked."""


class Templates(Protocol):
    """Where templates are kept. Each method is one transaction."""

    async def create(self, new: TemplateAtVersion) -> None:
        """Store a template and its first version, live.

        Raises:
            TemplateExistsError: The code is taken.
        """
        ...

    async def find(self, code: str) -> Template | None:
        """The template with this code."""
        ...

    async def find_many(self, codes: Collection[str]) -> Sequence[Template]:
        """The templates with these codes, each once and in no order; others are left out."""
        ...

    async def find_version(self, code: str, language: str, version: int) -> PublishedVersion | None:
        """One version, live or not."""
        ...

    async def page(self, *, limit: int, offset: int) -> tuple[Sequence[TemplateAtVersion], int]:
        """Templates by code, each with what is live in its default language; and how many exist."""
        ...

    async def change(self, code: str, language: str | None, decide: Decide) -> Revision | None:
        """Store what is decided; other changes of the same template wait, so none is lost.

        Args:
            code: Which template; None is returned if there is none.
            language: Whose live version `decide` is shown; None: the template's default language.
            decide: Sees what is stored and says what shall be.
        """
        ...


class Snapshots(Protocol):
    """Where the gateway looks first."""

    async def store(self, snapshot: TemplateSnapshot) -> None:
        """Make the snapshot visible, unless a newer one is there; never fails for want of Redis."""
        ...
