"""The tables of the database `templates`; the migrations make them, a test keeps the two equal.

Which version is live is a row of its own, so that `template_versions` never changes.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from servicekit.naming import create_metadata

metadata: Final = create_metadata()

templates: Final = Table(
    "templates",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("ambiguous", Text, nullable=False, server_default=text("'resend'")),
    Column("default_language", Text, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("row_version", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("ambiguous IN ('resend', 'hold')", name="ambiguous_known"),
    CheckConstraint("row_version >= 1", name="row_version_positive"),
)

template_versions: Final = Table(
    "template_versions",
    metadata,
    Column("code", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("version", Integer, nullable=False),
    # NULL, not the JSON value null, stands for a channel without content
    Column("email", JSONB(none_as_null=True)),
    Column("push", JSONB(none_as_null=True)),
    Column("variables", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", Text, nullable=False),
    PrimaryKeyConstraint("code", "language", "version"),
    ForeignKeyConstraint(["code"], ["templates.code"]),
    CheckConstraint("version >= 1", name="version_positive"),
    CheckConstraint("email IS NOT NULL OR push IS NOT NULL", name="some_channel"),
)

live_versions: Final = Table(
    "live_versions",
    metadata,
    Column("code", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("code", "language"),
    ForeignKeyConstraint(
        ["code", "language", "version"],
        ["template_versions.code", "template_versions.language", "template_versions.version"],
    ),
)
