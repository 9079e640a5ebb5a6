"""Notifications, deliveries and their history by month, and when their variables are erased."""

from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KEYS = {
    "notifications": "id",
    "deliveries": "notification_id",
    "notification_events": "notification_id",
}
_AHEAD = 2  # months
_INDEXES = """
CREATE INDEX ix_notifications_client_id_id ON notifications (client_id, id);
CREATE INDEX ix_notifications_user_id_id ON notifications (user_id, id);
CREATE INDEX ix_notifications_batch_id_id ON notifications (batch_id, id)
    WHERE batch_id IS NOT NULL;
CREATE INDEX ix_notifications_release_at ON notifications (release_at) WHERE status = 'scheduled';
CREATE INDEX ix_deliveries_reconcile_at ON deliveries (reconcile_at) WHERE status = 'pending'
"""
# What nothing more can be sent of: at once where no delivery failed, else once nobody may replay
# it any more. The relay does it.
_SET_ERASE_AT = """
UPDATE notifications SET erase_at = updated_at + CASE
    WHEN status = 'failed' OR EXISTS (
        SELECT FROM deliveries
        WHERE notification_id = notifications.id AND deliveries.status = 'failed'
    ) THEN interval '30 days' ELSE interval '0' END
WHERE status NOT IN ('pending', 'scheduled') AND NOT EXISTS (
    SELECT FROM deliveries
    WHERE notification_id = notifications.id AND deliveries.status = 'pending'
)
"""


def upgrade() -> None:
    op.add_column("notifications", sa.Column("erase_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("dead_letters", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        op.f("ix_dead_letters_received_at"),
        "dead_letters",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("erased_at IS NULL"),
    )
    op.execute(_SET_ERASE_AT)
    first = op.get_bind().scalar(sa.text("SELECT min(created_at) FROM notifications"))
    months = _months(first)
    _set_aside()
    for table, key in _KEYS.items():
        op.execute(
            f"CREATE TABLE {table} (LIKE {table}_before INCLUDING DEFAULTS) "
            f"PARTITION BY RANGE ({key})"
        )
        primary_key = key if key == "id" else f"{key}, id"
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY ({primary_key})")
    _execute(_INDEXES)
    op.create_index(
        op.f("ix_notifications_erase_at"),
        "notifications",
        ["erase_at"],
        unique=False,
        postgresql_where=sa.text("erase_at IS NOT NULL"),
    )
    for table in _KEYS:
        op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
        for begin, end in pairwise(months):
            op.execute(
                f"CREATE TABLE {table}_{begin:%Y_%m} PARTITION OF {table} "
                f"FOR VALUES FROM ('{_first_id(begin)}') TO ('{_first_id(end)}')"
            )
    _move_rows()


def downgrade() -> None:
    _set_aside()
    for table in _KEYS:
        op.execute(f"CREATE TABLE {table} (LIKE {table}_before INCLUDING DEFAULTS)")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY (id)")
    _execute(_INDEXES)
    for table in ("deliveries", "notification_events"):
        op.create_index(op.f(f"ix_{table}_notification_id"), table, ["notification_id"])
        op.create_foreign_key(
            op.f(f"fk_{table}_notification_id_notifications"),
            table,
            "notifications",
            ["notification_id"],
            ["id"],
        )
    _move_rows()
    op.drop_index(op.f("ix_dead_letters_received_at"), table_name="dead_letters")
    op.drop_column("dead_letters", "erased_at")
    op.drop_column("notifications", "erase_at")


def _set_aside() -> None:
    """Rename the tables, and take the names of their constraints and indexes from them."""
    op.execute(f"LOCK TABLE {', '.join(_KEYS)} IN ACCESS EXCLUSIVE MODE")
    for table in reversed(_KEYS):
        inspector = sa.inspect(op.get_bind())
        for key in inspector.get_foreign_keys(table):
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {key['name']}")
        for index in inspector.get_indexes(table):
            op.execute(f"DROP INDEX {index['name']}")
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT pk_{table}")
        op.execute(f"ALTER TABLE {table} RENAME TO {table}_before")


def _move_rows() -> None:
    for table in _KEYS:
        op.execute(f"INSERT INTO {table} SELECT * FROM {table}_before")  # noqa: S608
    for table in reversed(_KEYS):
        op.execute(f"DROP TABLE {table}_before")


def _months(first: datetime | None) -> list[datetime]:
    """Begins of months: from the first row's to the one after those ahead; in UTC."""
    now = datetime.now(UTC)
    number = _number(min(first or now, now))
    return [_begin(at) for at in range(number, _number(now) + _AHEAD + 2)]


def _number(time: datetime) -> int:
    time = time.astimezone(UTC)
    return time.year * 12 + time.month - 1


def _begin(number: int) -> datetime:
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


def _first_id(time: datetime) -> UUID:
    """The smallest UUIDv7 of a time: its first 48 bits are milliseconds since 1970."""
    return UUID(int=round(time.timestamp() * 1000) << 80)


def _execute(statements: str) -> None:
    for statement in statements.split(";"):
        op.execute(statement)
