"""Alembic's entry: which tables this service has."""

from api_gateway.adapters.tables import metadata
from servicekit.migrations import run_migrations

run_migrations(metadata)
