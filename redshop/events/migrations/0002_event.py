"""The behaviour log: one table, partitioned by month of ``occurred_at``."""

import django.contrib.postgres.indexes
from django.db import migrations, models

CREATE = """
CREATE TABLE events_event (
    id uuid NOT NULL,
    kind varchar(16) NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    person_id bigint,
    visitor_id uuid,
    session_id uuid,
    surface varchar(12) NOT NULL,
    request_id uuid,
    note_id bigint,
    product_id bigint,
    author_id bigint,
    order_id uuid,
    position integer CHECK (position >= 0),
    dwell_ms integer CHECK (dwell_ms >= 0),
    completion double precision,
    query varchar(200) NOT NULL,
    quantity integer CHECK (quantity >= 0),
    amount_minor bigint,
    currency varchar(3) NOT NULL,
    population varchar(9) NOT NULL,
    source varchar(6) NOT NULL,
    PRIMARY KEY (id, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX event_person ON events_event (person_id, occurred_at) WHERE person_id IS NOT NULL;
CREATE INDEX event_visitor ON events_event (visitor_id, occurred_at) WHERE person_id IS NULL;
CREATE INDEX event_time ON events_event USING brin (occurred_at);
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(CREATE, "DROP TABLE events_event")],
            state_operations=[
                migrations.CreateModel(
                    name='Event',
                    fields=[
                        ('id', models.UUIDField(primary_key=True, serialize=False)),
                        ('kind', models.CharField(choices=[('impression', 'Impression'), ('note_open', 'Note Open'), ('read', 'Read'), ('product_view', 'Product View'), ('screenshot', 'Screenshot'), ('search_submit', 'Search Submit'), ('like', 'Like'), ('save', 'Save'), ('comment', 'Comment'), ('share', 'Share'), ('follow', 'Follow'), ('hide', 'Hide'), ('cart_add', 'Cart Add'), ('checkout', 'Checkout'), ('order_paid', 'Order Paid'), ('order_refunded', 'Order Refunded'), ('link_out', 'Link Out')], max_length=16)),
                        ('occurred_at', models.DateTimeField()),
                        ('received_at', models.DateTimeField()),
                        ('person_id', models.BigIntegerField(null=True)),
                        ('visitor_id', models.UUIDField(null=True)),
                        ('session_id', models.UUIDField(null=True)),
                        ('surface', models.CharField(blank=True, choices=[('explore', 'Explore'), ('following', 'Following'), ('search', 'Search'), ('related', 'Related'), ('profile', 'Profile'), ('topic', 'Topic'), ('product', 'Product'), ('share', 'Share'), ('direct', 'Direct')], max_length=12)),
                        ('request_id', models.UUIDField(help_text='The feed or search that showed it.', null=True)),
                        ('note_id', models.BigIntegerField(null=True)),
                        ('product_id', models.BigIntegerField(null=True)),
                        ('author_id', models.BigIntegerField(help_text='Who was followed.', null=True)),
                        ('order_id', models.UUIDField(null=True)),
                        ('position', models.PositiveIntegerField(null=True)),
                        ('dwell_ms', models.PositiveIntegerField(null=True)),
                        ('completion', models.FloatField(help_text='Share of the note that was read, 0 to 1.', null=True)),
                        ('query', models.CharField(blank=True, max_length=200)),
                        ('quantity', models.PositiveIntegerField(null=True)),
                        ('amount_minor', models.BigIntegerField(null=True)),
                        ('currency', models.CharField(blank=True, max_length=3)),
                        ('population', models.CharField(choices=[('real', 'Real'), ('simulated', 'Simulated')], max_length=9)),
                        ('source', models.CharField(choices=[('client', 'Client'), ('server', 'Server'), ('import', 'Import')], max_length=6)),
                    ],
                    options={
                        'indexes': [models.Index(fields=['person_id', 'occurred_at'], name='event_person', condition=models.Q(('person_id__isnull', False))), models.Index(fields=['visitor_id', 'occurred_at'], name='event_visitor', condition=models.Q(('person_id', None))), django.contrib.postgres.indexes.BrinIndex(fields=['occurred_at'], name='event_time')],
                    },
                ),
            ],
        ),
    ]
