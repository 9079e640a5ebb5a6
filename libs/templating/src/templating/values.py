"""Which variables a rendering accepts: plain JSON, within bounds. Nothing else gets near Jinja2."""

from collections.abc import Iterable, Mapping
from math import isfinite

from templating import limits
from templating.errors import RenderError, RenderLimitError


def missing_variables(required: Iterable[str], variables: Mapping[str, object]) -> tuple[str, ...]:
    """Return the required top-level names that `variables` lacks, sorted."""
    return tuple(sorted(name for name in required if name not in variables))


def checked_variables(variables: Mapping[str, object]) -> dict[str, object]:
    """Return the variables as a plain dictionary.

    Exact JSON types only: a subclass could carry code or claim to be safe HTML.

    Raises:
        RenderError: a value is not JSON; the message names its path.
        RenderLimitError: the variables are too deep, too many or too long.
    """
    plain = dict(variables)
    _Walk().visit(plain, "variables", 0)
    return plain


class _Walk:
    def __init__(self) -> None:
        self._items = 0
        self._characters = 0

    def visit(self, value: object, path: str, depth: int) -> None:
        self._items += 1
        kind = type(value)
        if kind is str:
            self._characters += len(value)  # type: ignore[arg-type]
        elif kind is dict:
            self._enter(path, depth)
            for key, item in value.items():  # type: ignore[attr-defined]
                if type(key) is not str:
                    raise RenderError(f"{path} has a key that is not text: {key!r:.50}")
                self._characters += len(key)
                self.visit(item, f"{path}.{key:.50}", depth + 1)
        elif kind is list:
            self._enter(path, depth)
            for item in value:  # type: ignore[attr-defined]
                self.visit(item, f"{path}[]", depth + 1)
        elif kind is int:
            if value.bit_length() > limits.INTEGER_BITS:  # type: ignore[attr-defined]
                raise RenderError(f"{path} is larger than a 64-bit number")
        elif kind is float:
            if not isfinite(value):  # type: ignore[arg-type]
                raise RenderError(f"{path} is not a finite number")
        elif value is not None and kind is not bool:
            raise RenderError(f"{path} is not a JSON value but of type {kind.__name__}")
        if self._characters > limits.VARIABLES_CHARACTERS:
            raise RenderLimitError(
                f"the variables hold more than {limits.VARIABLES_CHARACTERS} characters"
            )
        if self._items > limits.VARIABLES_ITEMS:
            raise RenderLimitError(f"the variables hold more than {limits.VARIABLES_ITEMS} values")

    @staticmethod
    def _enter(path: str, depth: int) -> None:
        if depth >= limits.VARIABLES_DEPTH:
            raise RenderLimitError(
                f"{path:.100} is nested more than {limits.VARIABLES_DEPTH} levels deep"
            )
