"""The gateway's tables. Migrations make them; a test keeps the two in step.

Notifications, and what belongs to each, are partitioned by the month in their notification's id. A
statement that does not name that id looks into every month. Nothing refers to them by a foreign
key (ADR 13).
"""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Float,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from servicekit.naming import create_metadata

metadata = create_metadata()

_time = DateTime(timezone=True)

notifications = Table(
    "notifications",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("client_id", String(100), nullable=False),
    Column("request_id", String(255)),
    Column("notification_type", String(20), nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("template_code", String(100), nullable=False),
    Column("template_version", Integer, nullable=False),
    Column("language", String(35), nullable=False),
    Column("category", String(50), nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("status", String(20), nullable=False),
    Column("reason", String(100)),
    Column("variables", JSONB, nullable=False),
    Column("metadata", JSONB, nullable=False),
    Column("correlation_id", String(128), nullable=False),
    Column("created_at", _time, nullable=False),
    Column("updated_at", _time, nullable=False),
    Column("expires_at", _time),
    Column("ambiguous", String(10), nullable=False, server_default="resend"),
    Column("traceparent", String(55)),
    Column("batch_id", Uuid),
    # What was asked for where it decides again at its release; `language` and `priority` are what
    # was decided last.
    Column("requested_language", String(35)),
    Column("requested_priority", SmallInteger),
    Column("scheduled_at", _time),
    # When a relay takes it next; a relay that takes it moves this on, so that no other does.
    Column("release_at", _time),
    # When its variables are to be erased; null: not yet to be said, or done.
    Column("erase_at", _time),
    # Ids are UUIDv7, so they sort by time and serve every "newest first".
    Index(None, "client_id", "id"),
    Index(None, "user_id", "id"),
    Index(None, "batch_id", "id", postgresql_where=text("batch_id IS NOT NULL")),
    Index(
        "ix_notifications_release_at", "release_at", postgresql_where=text("status = 'scheduled'")
    ),
    Index("ix_notifications_erase_at", "erase_at", postgresql_where=text("erase_at IS NOT NULL")),
    postgresql_partition_by="RANGE (id)",
)

batches = Table(
    "batches",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("client_id", String(100), nullable=False),
    Column("created_at", _time, nullable=False, index=True),
    Column("total", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("notification_id", Uuid, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("device_kind", String(20)),
    Column("status", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("event_at", _time),
    Column("event_id", Uuid),
    Column("provider", String(50)),
    Column("provider_message_id", Text),
    Column("reason", String(100)),
    # Until then a delivery that is pending may be silent; see `usecases.reconcile_deliveries`.
    Column("reconcile_at", _time, nullable=False, server_default=func.now()),
    Index(
        "ix_deliveries_reconcile_at", "reconcile_at", postgresql_where=text("status = 'pending'")
    ),
    PrimaryKeyConstraint("notification_id", "id"),
    postgresql_partition_by="RANGE (notification_id)",
)

events = Table(
    "notification_events",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("notification_id", Uuid, nullable=False),
    Column("delivery_id", Uuid),
    Column("kind", String(40), nullable=False),
    Column("status", String(20), nullable=False),
    Column("at", _time, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("provider", String(50)),
    Column("provider_message_id", Text),
    Column("reply_code", String(100)),
    Column("latency_ms", Float),
    Column("reason", String(100)),
    Column("detail", Text),
    Column("next_attempt_at", _time),
    PrimaryKeyConstraint("notification_id", "id"),
    postgresql_partition_by="RANGE (notification_id)",
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("caller", String(100), primary_key=True),
    Column("request_id", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("notification_id", Uuid, nullable=False),
    Column("status", String(20), nullable=False),
    Column("error", String(100)),
    Column("created_at", _time, nullable=False),
    Column("expires_at", _time, nullable=False, index=True),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("delivery_id", Uuid, nullable=False),
    Column("routing_key", String(100), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("correlation_id", String(128), nullable=False),
    # Whose turn it uses.
    Column("client_id", String(100), nullable=False, server_default=""),
    # Since when it can be published; a parked row has a time to come, like its `leased_until`.
    Column("stored_at", _time, nullable=False, server_default=func.now()),
    # -infinity: it has been in nobody's hands yet, and was certainly not published.
    Column("leased_until", _time, nullable=False),
    Index(None, "delivery_id"),
    Index(None, "routing_key", "client_id", "leased_until", "id"),
    Index(None, "routing_key", "stored_at"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Uuid, primary_key=True),
    # None where it is no delivery: unreadable bytes, or an outcome that could not be recorded.
    Column("delivery_id", Uuid),
    Column("generation", Integer, nullable=False, server_default="0"),
    Column("notification_id", Uuid),
    Column("notification_type", String(20)),
    Column("client_id", String(100)),
    Column("template_code", String(100)),
    Column("reason", String(100), nullable=False),
    Column("detail", Text),
    Column("body", LargeBinary, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("received_at", _time, nullable=False, server_default=func.now()),
    Column("state", String(20), nullable=False, server_default="open"),
    Column("closed_at", _time),
    Column("closed_by", String(100)),
    Column("job_id", Uuid),
    # When the variables in `body` were; null: not yet.
    Column("erased_at", _time),
    # The same message may come twice, and nobody should see it twice.
    Index(
        "uq_dead_letters_delivery_id_generation",
        "delivery_id",
        "generation",
        unique=True,
        postgresql_where=text("delivery_id IS NOT NULL"),
    ),
    Index(
        "uq_dead_letters_digest",
        "digest",
        unique=True,
        postgresql_where=text("delivery_id IS NULL"),
    ),
    Index(None, "state", "received_at", "id"),
    Index("ix_dead_letters_received_at", "received_at", postgresql_where=text("erased_at IS NULL")),
)

dead_letter_jobs = Table(
    "dead_letter_jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("action", String(20), nullable=False),
    Column("filter", JSONB, nullable=False),
    # Only letters received before: a job must have an end.
    Column("until", _time, nullable=False),
    Column("requested_by", String(100), nullable=False),
    Column("created_at", _time, nullable=False, server_default=func.now()),
    Column("total", Integer, nullable=False),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("skipped", Integer, nullable=False, server_default="0"),
    Column("state", String(20), nullable=False, server_default="running"),
    Column("finished_at", _time),
    Column("leased_until", _time, nullable=False, server_default=func.now()),
    Index(
        "ix_dead_letter_jobs_leased_until",
        "leased_until",
        postgresql_where=text("state = 'running'"),
    ),
)
