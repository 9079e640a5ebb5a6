"""Tells what PostgreSQL will never take from what it cannot take now."""

from typing import Final

from sqlalchemy.exc import DBAPIError

# https://www.postgresql.org/docs/current/errcodes-appendix.html: data exceptions (too long, out of
# range, NUL) and violated constraints; the same again at every try.
_REFUSED_VALUES: Final = ("22", "23")


def refusal_of(error: DBAPIError) -> str | None:
    """The SQLSTATE of a value that is refused for good; None: it was something else."""
    state = str(getattr(error.orig, "sqlstate", ""))
    return state if state.startswith(_REFUSED_VALUES) else None
