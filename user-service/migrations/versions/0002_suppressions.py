"""Suppressions, and the digest by which a user's is found.

The digests of users who are there already need a key that migrations do not have: the service
computes them when it has started.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("email_digest", sa.String(64)))
    op.create_index("ix_users_email_digest", "users", ["email_digest"])
    op.create_index(
        "ix_users_without_email_digest",
        "users",
        ["id"],
        postgresql_where=sa.text("email_digest IS NULL"),
    )
    op.create_table(
        "suppressions",
        sa.Column("address_digest", sa.String(64), nullable=False),
        sa.Column("notification_type", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("lifted_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("address_digest", name=op.f("pk_suppressions")),
        sa.CheckConstraint(
            "notification_type IN ('email', 'push')",
            name=op.f("ck_suppressions_notification_type_known"),
        ),
        sa.CheckConstraint(
            "reason IN ('hard_bounce', 'complaint', 'manual')",
            name=op.f("ck_suppressions_reason_known"),
        ),
    )
    op.create_index(
        "ix_suppressions_created_at_address_digest",
        "suppressions",
        ["created_at", "address_digest"],
    )
    op.create_index(
        "ix_suppressions_ending",
        "suppressions",
        ["expires_at"],
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_index("ix_suppressions_lifted_at", "suppressions", ["lifted_at"])


def downgrade() -> None:
    op.drop_table("suppressions")
    op.drop_index("ix_users_without_email_digest", "users")
    op.drop_index("ix_users_email_digest", "users")
    op.drop_column("users", "email_digest")
