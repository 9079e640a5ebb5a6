"""Templates, their immutable versions, and which of those are live."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "templates",
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("ambiguous", sa.Text, nullable=False, server_default=sa.text("'resend'")),
        sa.Column("default_language", sa.Text, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sa.Column("row_version", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_templates")),
        sa.CheckConstraint(
            "ambiguous IN ('resend', 'hold')", name=op.f("ck_templates_ambiguous_known")
        ),
        sa.CheckConstraint("row_version >= 1", name=op.f("ck_templates_row_version_positive")),
    )
    op.create_table(
        "template_versions",
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("email", JSONB),
        sa.Column("push", JSONB),
        sa.Column("variables", JSONB, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("code", "language", "version", name=op.f("pk_template_versions")),
        sa.ForeignKeyConstraint(
            ["code"], ["templates.code"], name=op.f("fk_template_versions_code_templates")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_template_versions_version_positive")),
        sa.CheckConstraint(
            "email IS NOT NULL OR push IS NOT NULL", name=op.f("ck_template_versions_some_channel")
        ),
    )
    op.create_table(
        "live_versions",
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("code", "language", name=op.f("pk_live_versions")),
        sa.ForeignKeyConstraint(
            ["code", "language", "version"],
            ["template_versions.code", "template_versions.language", "template_versions.version"],
            name=op.f("fk_live_versions_code_language_version_template_versions"),
        ),
    )
    # Workers keep versions for ever, and notifications under way refer to them by number.
    op.execute(
        """
        CREATE FUNCTION refuse_version_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'a published version never changes: publish a new one'
                USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER template_versions_are_immutable
            BEFORE UPDATE OR DELETE OR TRUNCATE ON template_versions
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change()
        """
    )


def downgrade() -> None:
    op.drop_table("live_versions")
    op.drop_table("template_versions")
    op.execute("DROP FUNCTION refuse_version_change()")
    op.drop_table("templates")
