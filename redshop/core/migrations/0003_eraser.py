from django.db import migrations

CREATE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'redshop_eraser') THEN
        CREATE ROLE redshop_eraser NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- another database's migration
END
$$;
DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'redshop_eraser', 'MEMBER') THEN
        GRANT redshop_eraser TO CURRENT_USER;
    END IF;
END
$$;
GRANT USAGE ON SCHEMA public TO redshop_eraser;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO redshop_eraser;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO redshop_eraser;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO redshop_eraser;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO redshop_eraser;
"""


class Migration(migrations.Migration):
    """The role that takes out what identifies somebody, also where rows are append-only.

    Nobody logs in as it: an erasure takes it on for its transaction (``core.data_map``). It is the
    server's, so that going back leaves it there for other databases.
    """

    dependencies = [("core", "0002_vector")]

    operations = [migrations.RunSQL(CREATE, migrations.RunSQL.noop)]
