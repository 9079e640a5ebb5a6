"""Dead letters and their jobs; what it takes to build a delivery's message again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NOW = sa.text("now()")


def upgrade() -> None:
    op.add_column(
        "notifications",
        sa.Column("ambiguous", sa.String(length=10), server_default="resend", nullable=False),
    )
    op.add_column("notifications", sa.Column("traceparent", sa.String(length=55), nullable=True))
    op.add_column(
        "deliveries",
        sa.Column("reconcile_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
    )
    op.create_index(
        op.f("ix_deliveries_reconcile_at"),
        "deliveries",
        ["reconcile_at"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(op.f("ix_outbox_delivery_id"), "outbox", ["delivery_id"], unique=False)
    op.create_index(op.f("ix_outbox_stored_at"), "outbox", ["stored_at"], unique=False)
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=True),
        sa.Column("generation", sa.Integer(), server_default="0", nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=True),
        sa.Column("notification_type", sa.String(length=20), nullable=True),
        sa.Column("client_id", sa.String(length=100), nullable=True),
        sa.Column("template_code", sa.String(length=100), nullable=True),
        sa.Column("reason", sa.String(length=100), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("state", sa.String(length=20), server_default="open", nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=100), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
    )
    op.create_index(
        op.f("uq_dead_letters_delivery_id_generation"),
        "dead_letters",
        ["delivery_id", "generation"],
        unique=True,
        postgresql_where=sa.text("delivery_id IS NOT NULL"),
    )
    op.create_index(
        op.f("uq_dead_letters_digest"),
        "dead_letters",
        ["digest"],
        unique=True,
        postgresql_where=sa.text("delivery_id IS NULL"),
    )
    op.create_index(
        op.f("ix_dead_letters_state_received_at_id"),
        "dead_letters",
        ["state", "received_at", "id"],
        unique=False,
    )
    op.create_table(
        "dead_letter_jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("filter", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("skipped", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.String(length=20), server_default="running", nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter_jobs")),
    )
    op.create_index(
        op.f("ix_dead_letter_jobs_leased_until"),
        "dead_letter_jobs",
        ["leased_until"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
    )


def downgrade() -> None:
    op.drop_table("dead_letter_jobs")
    op.drop_table("dead_letters")
    op.drop_index(op.f("ix_outbox_stored_at"), table_name="outbox")
    op.drop_index(op.f("ix_outbox_delivery_id"), table_name="outbox")
    op.drop_index(op.f("ix_deliveries_reconcile_at"), table_name="deliveries")
    op.drop_column("deliveries", "reconcile_at")
    op.drop_column("notifications", "traceparent")
    op.drop_column("notifications", "ambiguous")
