"""Categories, what users choose of them, and quiet hours."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BUILT_IN = [
    ("email_verification", "Confirming an email address", "required", True),
    ("password_reset", "Resetting a password", "required", True),
    ("security_alert", "Security", "required", True),
    ("welcome", "Welcome", "opted_in", False),
    ("order", "Orders", "opted_in", False),
    ("marketing", "News and offers", "opted_in", False),
]


def upgrade() -> None:
    op.add_column(
        "users",
        sa.Column("category_choices", JSONB, nullable=False, server_default=sa.text("'{}'")),
    )
    op.add_column("users", sa.Column("quiet_hours", JSONB))
    categories = op.create_table(
        "categories",
        sa.Column("code", sa.String(50), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("default_choice", sa.Text, nullable=False),
        sa.Column("is_urgent", sa.Boolean, nullable=False),
        sa.Column("is_deleted", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_categories")),
        sa.CheckConstraint(
            "default_choice IN ('opted_in', 'opted_out', 'required')",
            name=op.f("ck_categories_default_choice_known"),
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_categories_version_positive")),
    )
    op.bulk_insert(
        categories,
        [
            {
                "code": code,
                "name": name,
                "default_choice": default,
                "is_urgent": is_urgent,
                "version": 1,
            }
            for code, name, default, is_urgent in _BUILT_IN
        ],
    )


def downgrade() -> None:
    op.drop_table("categories")
    op.drop_column("users", "quiet_hours")
    op.drop_column("users", "category_choices")
