"""Alembic's entry: which tables this service has."""

from servicekit.migrations import run_migrations
from user_service.adapters.tables import metadata

run_migrations(metadata)
