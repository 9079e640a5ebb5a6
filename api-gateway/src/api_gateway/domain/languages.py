"""Chooses the language of a notification among those that a template has."""

from collections.abc import Container, Iterable, Iterator


def choose_language(wanted: Iterable[str | None], available: Container[str]) -> str | None:
    """The first wanted language that is available, each tried with shorter tags too.

    `pt-BR` falls back to `pt` (RFC 4647 §3.4, "lookup") before the next wanted one is tried.

    Args:
        wanted: Language tags in order of preference; None is passed over.
        available: The template's languages.
    """
    tags = (candidate for tag in wanted if tag for candidate in _shortened(tag))
    return next((tag for tag in tags if tag in available), None)


def _shortened(tag: str) -> Iterator[str]:
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]
