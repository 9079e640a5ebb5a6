"""The tables of the database `users`; the migrations make them, a test keeps the two equal."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from servicekit.naming import create_metadata

metadata: Final = create_metadata()

users: Final = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False),
    # Null: stored before there were digests, and not computed yet.
    Column("email_digest", String(64)),
    Column("name", Text, nullable=False),
    Column("password_hash", Text),
    Column("role", Text, nullable=False, server_default=text("'user'")),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("language", Text, nullable=False, server_default=text("'en'")),
    Column("timezone", Text, nullable=False, server_default=text("'UTC'")),
    Column("email_enabled", Boolean, nullable=False, server_default=text("true")),
    Column("push_enabled", Boolean, nullable=False, server_default=text("true")),
    Column("push_token", Text),
    Column("category_choices", JSONB, nullable=False, server_default=text("'{}'")),
    # Without it None is stored as the JSON null, which is no NULL.
    Column("quiet_hours", JSONB(none_as_null=True)),
    Column("row_version", BigInteger, nullable=False, server_default=text("1")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("role IN ('user', 'admin')", name="role_known"),
    CheckConstraint("row_version >= 1", name="row_version_positive"),
)

email_index: Final = Index("uq_users_lower_email", func.lower(users.c.email), unique=True)
Index(None, users.c.created_at, users.c.id)
Index(None, users.c.email_digest)
Index("ix_users_without_email_digest", users.c.id, postgresql_where=users.c.email_digest.is_(None))

api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("rate_limit_per_minute", Integer),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("version", BigInteger, nullable=False, server_default=text("1")),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("last_used_at", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True)),
    Column("previous_digest", Text, unique=True),
    Column("previous_expires_at", DateTime(timezone=True)),
    CheckConstraint("version >= 1", name="version_positive"),
    CheckConstraint("rate_limit_per_minute >= 1", name="rate_limit_positive"),
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)
Index(None, sessions.c.user_id, sessions.c.created_at)

suppressions: Final = Table(
    "suppressions",
    metadata,
    Column("address_digest", String(64), primary_key=True),
    Column("notification_type", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("lifted_at", DateTime(timezone=True)),
    CheckConstraint("notification_type IN ('email', 'push')", name="notification_type_known"),
    CheckConstraint("reason IN ('hard_bounce', 'complaint', 'manual')", name="reason_known"),
)
Index(None, suppressions.c.created_at, suppressions.c.address_digest)
Index(
    "ix_suppressions_ending",
    suppressions.c.expires_at,
    postgresql_where=suppressions.c.lifted_at.is_(None),
)
Index("ix_suppressions_lifted_at", suppressions.c.lifted_at)

categories: Final = Table(
    "categories",
    metadata,
    Column("code", String(50), primary_key=True),
    Column("name", Text, nullable=False),
    Column("default_choice", Text, nullable=False),
    Column("is_urgent", Boolean, nullable=False),
    Column("is_deleted", Boolean, nullable=False, server_default=text("false")),
    Column("version", BigInteger, nullable=False),
    CheckConstraint(
        "default_choice IN ('opted_in', 'opted_out', 'required')", name="default_choice_known"
    ),
    CheckConstraint("version >= 1", name="version_positive"),
)
