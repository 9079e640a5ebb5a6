"""Many rows as one array per column: one statement of one text, however many rows there are."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, TableValuedAlias, bindparam, column, func
from sqlalchemy.types import TypeEngine


def unnested(name: str, types: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """A table out of parameters, to select from; `arrays_of` fills it.

    Texts have to be of type `Text`: a cast to a bounded type would cut what is too long, where
    storing it is refused.

    Args:
        name: The table's name within its statement.
        types: Of each column, in order.
    """
    arrays = (bindparam(_parameter(name, key), type_=ARRAY(kind)) for key, kind in types.items())
    columns = (column(key, kind) for key, kind in types.items())
    return func.unnest(*arrays).table_valued(*columns).render_derived(name=name)


def arrays_of(table: TableValuedAlias, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The parameters that fill a table of `unnested`."""
    return {
        _parameter(table.name, column.name): [row[column.name] for row in rows]
        for column in table.c
    }


def _parameter(table: str, column: str) -> str:
    return f"{table}_{column}"
