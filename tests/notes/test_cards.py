"""Pages of notes whose cards are kept in the process say the same as if they were made anew."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from notes.api import cards
from notes.discovery import feed, offers
from notes.discovery.types import Viewer
from notes.factories import ChartFactory, NoteFactory, TopicFactory
from notes.models import Note, NoteCounts
from notes.services import authoring, charts, reactions
from redshop.accounts.factories import BlockFactory, PreferenceFactory
from redshop.accounts.models import User
from tests.api import ApiClient
from tests.notes.moderation import take_down
from tests.notes.policies import make_default, policy

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def kept(settings: Any) -> None:
    settings.CARD_CACHE_SECONDS = 60.0
    cards.forget()
    make_default("ces_folk_v2")


def shown(api: ApiClient) -> dict[int, dict[str, Any]]:
    return {row["note"]["id"]: row["note"] for row in api.get("/feed").json()["results"]}


def test_a_kept_card_is_what_the_note_itself_says(author: User, reader_api: ApiClient) -> None:
    notes = [NoteFactory.create(author=author) for _ in range(3)]

    first, again = shown(reader_api), shown(reader_api)

    assert first == again
    for note in notes:
        assert first[note.pk] == reader_api.get(f"/notes/{note.pk}").json()


def test_counters_reactions_words_and_labels_show_at_once(
    author: User, reader: User, reader_api: ApiClient, api: ApiClient
) -> None:
    note, now = NoteFactory.create(author=author), timezone.now()
    shown(reader_api)

    reactions.like(note_id=note.pk, person_id=reader.pk, at=now)
    NoteCounts.objects.filter(note=note).update(likes=1)
    assert shown(reader_api)[note.pk]["viewer"]["liked"] is True
    assert shown(api)[note.pk]["viewer"]["liked"] is False
    assert shown(api)[note.pk]["counts"]["likes"] == 1
    authoring.edit(note_id=note.pk, author_id=author.pk, changes={"body": "Anew."}, at=now)
    assert shown(api)[note.pk]["body"] == "Anew."
    Note.objects.filter(pk=note.pk).update(disclosure="ad")
    assert shown(api)[note.pk]["disclosure"] == "ad"


def test_what_may_not_be_read_any_more_is_not_shown_from_what_was_kept(
    author: User, reader: User, reader_api: ApiClient
) -> None:
    gone, foe_s = NoteFactory.create(author=author), NoteFactory.create()
    assert set(shown(reader_api)) == {gone.pk, foe_s.pk}

    take_down(gone.pk)
    BlockFactory.create(blocker=foe_s.author, blocked=reader)

    assert shown(reader_api) == {}


def test_so_many_cards_are_kept_and_no_more(
    author: User, reader_api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards, "MOST", 2)
    for _ in range(4):
        NoteFactory.create(author=author)

    assert len(shown(reader_api)) == 4
    assert len(cards._kept) == 2


# -- what is prepared of topics ----------------------------------------------------------------


def test_what_was_prepared_of_topics_ranks_as_what_is_read(reader: User) -> None:
    tea, shoes = TopicFactory.create(slug="tea"), TopicFactory.create(slug="shoes")
    now = timezone.now()
    for n in range(12):
        NoteFactory.create(topics=[tea, shoes][n % 3 :], published_at=now - timedelta(hours=n + 1))
    ChartFactory.create(topic=tea, note_ids=[])
    PreferenceFactory.create(user=reader, topics={"tea": "increase", "shoes": "increase"})
    few = policy(fresh=2, by_topic=3, by_trending=2)

    def ranked(at: datetime) -> list[tuple[int, str]]:
        page = feed.explore_many(viewers=[Viewer(reader.pk)], at=at, limit=50, policy=few)[0]
        return [(item.note_id, item.source) for item in page.items]

    read = ranked(now)
    assert charts.prepare(at=now) > 0
    assert ("tea", "interest") in offers.prepared(now).by_topic
    assert ranked(now) == read
    assert not offers.prepared(now + timedelta(minutes=6)).by_topic  # too old to go by
    assert not offers.prepared(now - timedelta(seconds=1)).by_topic  # of another time


def test_what_is_packed_is_what_is_unpacked() -> None:
    topic = TopicFactory.create(slug="tea")
    now = timezone.now()
    notes = [
        NoteFactory.create(topics=[topic], published_at=now - timedelta(hours=n + 1))
        for n in range(3)
    ]
    ChartFactory.create(topic=topic, note_ids=[notes[2].pk, notes[0].pk])
    offered = offers.of_topics(now)

    again = offers.unpacked(offers.packed(offered))

    assert again.pool.note_ids.tolist() == offered.pool.note_ids.tolist()
    assert again.pool.slugs == offered.pool.slugs == ["tea"]
    trending = again.by_topic["tea", "trending"]
    assert again.pool.note_ids[trending].tolist() == [notes[2].pk, notes[0].pk]
    newest = again.by_topic["tea", "interest"]
    assert again.pool.note_ids[newest].tolist() == [note.pk for note in notes]
