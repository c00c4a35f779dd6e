"""The policies to start from; new versions are made in the admin."""

from datetime import date

from django.db import migrations

CARE = {
    "author_cap": 8,
    "sponsored_gap": 6,
    "by_similar": 100,
}
FULL = {
    **CARE,
    "similar": 1.0,
    "content": 1.0,
    "newcomer": 0.3,
    "small_share": 0.5,
    "spectrum": 0.3,
    "diversity_loss": 0.2,
    "exploration": 0.1,
    "exploration_window": 6,
    "followed_notes": 100,
    "by_trending": 30,
    "by_content": 90,
    "by_newcomer": 60,
}
MANNERS = (
    "What you have seen sinks, an author's second note sinks below their first; an answer holds "
    "eight notes of an author at most, and one paid note in six places; of the others half are by "
    "creators whom fewer than 1,000 people follow, as long as there are any; notes that are alike "
    "do not follow one another. One place in ten is left to chance among the next six notes. With "
    "personalisation off, interests, follows, where you went and what you have seen play no part."
)
OFFERED = (
    "Recent notes, notes that many interacted with, notes by people you follow, notes new and "
    "trending on topics you have been reading, notes about what you read, notes that people who "
    "went to the same ones went to, and notes that nobody has seen yet"
)
POLICIES = [
    (
        "ces_folk", 1, date(2026, 11, 1), 200, {},
        "Recent notes, notes with many interactions, notes by people you follow and notes on "
        "topics you have been reading, ranked by interactions, freshness, your interests and whom "
        "you follow. What you have seen sinks, an author's second note sinks below their first.",
    ),
    (
        "ces_folk", 2, date(2026, 11, 29), 200, {**CARE, "similar": 1.0},
        "As before, with notes that people who went to the same ones went to; an answer holds "
        "eight notes of an author at most, and one paid note in six places.",
    ),
    (
        "ces_folk", 3, date(2026, 11, 29), 200, FULL,
        f"{OFFERED}, ranked by interactions (like and save 1, comment and share 4, follow 8), "
        f"freshness, your interests, whom you follow and where you went. {MANNERS}",
    ),
    (
        "ces_product_note", 1, date(2026, 11, 29), 200,
        {**FULL, "save": 4.0, "comment": 1.0, "follow": 4.0},
        f"{OFFERED}, ranked as by ces_folk, except that a like and a comment count 1, a save, a "
        f"share and a follow 4. {MANNERS}",
    ),
    (
        "learned", 1, date(2026, 11, 29), 200,
        {
            **FULL, "engagement": 0.0, "freshness": 0.0, "interest": 0.0, "following": 0.0,
            "similar": 0.0, "content": 0.0, "newcomer": 0.05,
            "open": 1.0, "engage": 1.0, "want": 1.0, "buy": 3.0,
        },
        f"{OFFERED}, ranked by how likely it is that you open a note, engage with it, look at its "
        f"product and buy it without returning it, as learned from what was shown before. {MANNERS}",
    ),
    (
        "endless_push", 1, date(2026, 11, 29), 1_000,
        {
            "engagement": 3.0, "freshness": 0.2, "interest": 0.5, "following": 0.0,
            "similar": 1.0, "by_similar": 100, "seen_factor": 0.95, "opened_factor": 0.9,
            "author_repeat_factor": 0.95, "sponsored_gap": 3, "exploration": 0.1,
            "exploration_window": 6,
        },
        "The counter-example, for experiments alone: what most people interact with, again and "
        "again, a thousand notes long, with a paid note in every three places; no variety, no "
        "share for small creators, hardly anything sinks.",
    ),
]  # fmt: skip


def seed(apps, schema_editor):
    policy = apps.get_model("notes", "RankingPolicy")
    policy.objects.bulk_create(
        policy(
            name=name,
            version=version,
            since=since,
            depth=depth,
            numbers=numbers,
            words=words,
            is_default=(name, version) == ("ces_folk", 3),
        )
        for name, version, since, depth, numbers, words in POLICIES
    )


class Migration(migrations.Migration):
    dependencies = [("notes", "0006_ranking_policies_and_vectors")]

    operations = [
        # answers were kept otherwise; whoever pages through one begins anew
        migrations.RunSQL("DELETE FROM notes_feedsnapshot", migrations.RunSQL.noop),
        # the newest notes of a topic are found by the end of this
        migrations.RunSQL(
            "CREATE INDEX note_topic_newest ON notes_note_topics (topic_id, note_id DESC)",
            "DROP INDEX note_topic_newest",
        ),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
