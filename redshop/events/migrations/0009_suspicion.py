"""Marks on events that no person reported, and how many each sender reported of each minute."""

from django.db import migrations, models

CREATE = """
ALTER TABLE events_event ADD COLUMN suspicion varchar(5) NOT NULL DEFAULT '';
-- counts of the last day only: a crash may empty it, and nothing is lost but a mark
CREATE UNLOGGED TABLE events_pace (
    sender uuid NOT NULL,
    minute integer NOT NULL,
    events integer NOT NULL,
    PRIMARY KEY (sender, minute)
);
CREATE INDEX events_pace_minute ON events_pace (minute);
"""
DROP = """
DROP TABLE events_pace;
ALTER TABLE events_event DROP COLUMN suspicion;
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0008_archived_months")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(CREATE, DROP)],
            state_operations=[
                migrations.AddField(
                    model_name="event",
                    name="suspicion",
                    field=models.CharField(
                        blank=True,
                        choices=[
                            ("", "none"),
                            ("bot", "a bot by its own name"),
                            ("flood", "faster than a person"),
                        ],
                        default="",
                        help_text="Marked events are kept, and left out of what is counted.",
                        max_length=5,
                    ),
                ),
            ],
        ),
    ]
