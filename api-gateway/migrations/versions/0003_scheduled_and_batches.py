"""Notifications that wait for their time, and batches."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    for column in (
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("requested_language", sa.String(length=35), nullable=True),
        sa.Column("requested_priority", sa.SmallInteger(), nullable=True),
        sa.Column("scheduled_at", _TIME, nullable=True),
        sa.Column("release_at", _TIME, nullable=True),
    ):
        op.add_column("notifications", column)
    op.create_index(
        op.f("ix_notifications_batch_id_id"),
        "notifications",
        ["batch_id", "id"],
        unique=False,
        postgresql_where=sa.text("batch_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_notifications_release_at"),
        "notifications",
        ["release_at"],
        unique=False,
        postgresql_where=sa.text("status = 'scheduled'"),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(length=100), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index(op.f("ix_batches_created_at"), "batches", ["created_at"], unique=False)


def downgrade() -> None:
    op.drop_table("batches")
    op.drop_index(op.f("ix_notifications_release_at"), table_name="notifications")
    op.drop_index(op.f("ix_notifications_batch_id_id"), table_name="notifications")
    for name in (
        *("release_at", "scheduled_at", "requested_priority", "requested_language", "batch_id"),
    ):
        op.drop_column("notifications", name)
