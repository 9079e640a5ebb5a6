"""Chooses the language of a notification among those that a template has."""

from collections.abc import Iterable, Iterator


def choose_language(wanted: Iterable[str | None], available: Iterable[str]) -> str | None:
    """The first wanted language that is available, each tried with shorter tags too.

    `pt-BR` falls back to `pt` (RFC 4647 §3.4, "lookup") before the next wanted one is tried.
    Upper and lower case do not matter (RFC 4647 §2); the answer is spelled as the template has it.

    Args:
        wanted: Language tags in order of preference; None is passed over.
        available: The template's languages.
    """
    spelled = {tag.lower(): tag for tag in available}
    tags = (candidate for tag in wanted if tag for candidate in _shortened(tag.lower()))
    return next((spelled[tag] for tag in tags if tag in spelled), None)


def _shortened(tag: str) -> Iterator[str]:
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]
