"""Names of constraints and indexes, so that migrations can refer to them."""

from sqlalchemy import MetaData

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def create_metadata() -> MetaData:
    """Metadata in which every constraint has a predictable name."""
    return MetaData(naming_convention=NAMING_CONVENTION)
