"""Whose rows wait in the outbox: callers take turns in each lane."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Rows that are there, and those of gateways of before, take turns together as one caller.
    op.add_column(
        "outbox", sa.Column("client_id", sa.String(100), nullable=False, server_default="")
    )
    op.create_index(
        op.f("ix_outbox_routing_key_client_id_leased_until_id"),
        "outbox",
        ["routing_key", "client_id", "leased_until", "id"],
    )
    op.create_index(op.f("ix_outbox_routing_key_stored_at"), "outbox", ["routing_key", "stored_at"])
    op.drop_index(op.f("ix_outbox_leased_until"), table_name="outbox")
    op.drop_index(op.f("ix_outbox_stored_at"), table_name="outbox")


def downgrade() -> None:
    op.execute("UPDATE outbox SET leased_until = stored_at WHERE leased_until = '-infinity'")
    op.create_index(op.f("ix_outbox_leased_until"), "outbox", ["leased_until"])
    op.create_index(op.f("ix_outbox_stored_at"), "outbox", ["stored_at"])
    op.drop_index(op.f("ix_outbox_routing_key_stored_at"), table_name="outbox")
    op.drop_index(op.f("ix_outbox_routing_key_client_id_leased_until_id"), table_name="outbox")
    op.drop_column("outbox", "client_id")
