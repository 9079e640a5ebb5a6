"""Counts the rows of a list without reading all of a large table."""

from typing import Final

from sqlalchemy import Table, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

COUNTED: Final = 10_000


async def count_rows(connection: AsyncConnection, table: Table, *, up_to: int = COUNTED) -> int:
    """How many rows there are, exact up to `up_to`, which stands for that many or more."""
    first = select(literal(1)).select_from(table).limit(up_to).subquery()
    return (await connection.execute(select(func.count()).select_from(first))).scalar_one()
