"""API keys that end by themselves, and that are rotated with an overlap."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.add_column("api_keys", sa.Column("previous_digest", sa.Text))
    op.add_column("api_keys", sa.Column("previous_expires_at", sa.DateTime(timezone=True)))
    op.create_unique_constraint(
        op.f("uq_api_keys_previous_digest"), "api_keys", ["previous_digest"]
    )


def downgrade() -> None:
    op.drop_column("api_keys", "previous_expires_at")
    op.drop_column("api_keys", "previous_digest")
    op.drop_column("api_keys", "expires_at")
