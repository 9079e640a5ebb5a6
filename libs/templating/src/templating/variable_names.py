"""The variables of several parts as one list."""

from collections.abc import Sequence

from templating.part import CompiledPart


def required_names(parts: Sequence[CompiledPart]) -> tuple[str, ...]:
    """Return the names that any of the parts requires, sorted."""
    return tuple(sorted({name for part in parts for name in part.use.required}))


def optional_names(parts: Sequence[CompiledPart]) -> tuple[str, ...]:
    """Return the names that a part can use and none requires, sorted."""
    optional = {name for part in parts for name in part.use.optional}
    return tuple(sorted(optional.difference(required_names(parts))))
