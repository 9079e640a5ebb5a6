"""The value of a variable that was not given."""

from jinja2 import StrictUndefined


class MissingValue(StrictUndefined):
    """False in a test, and an error wherever else it is used.

    Its error text is the bare name, which the renderer turns into `MissingVariablesError`.
    """

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        return str(self._undefined_name)

    def __bool__(self) -> bool:  # type: ignore[override]
        return False
