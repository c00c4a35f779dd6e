"""The explore and following feeds: who is shown what, in which order, and that pages hold still."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from notes.discovery import feed, related, snapshots
from notes.discovery.types import RankedPage, Viewer
from notes.errors import FeedExpired
from notes.factories import NoteFactory, TopicFactory
from notes.models import FeedSnapshot, Note
from notes.services import reactions
from redshop.accounts.factories import (
    BlockFactory,
    ConsentFactory,
    FollowFactory,
    PreferenceFactory,
    UserFactory,
)
from redshop.accounts.models import Purpose, User
from redshop.catalog.factories import BrandFactory, ProductFactory
from redshop.core.errors import InvalidInput
from redshop.core.populations import Population
from redshop.events.kinds import EventKind, Source
from redshop.events.models import Event
from tests.api import ApiClient
from tests.notes.moderation import take_down
from tests.notes.policies import make_default, policy

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AGO = NOW - timedelta(hours=2)


@pytest.fixture(autouse=True)
def without_chance(db: None) -> None:
    """Rank by the last policy that leaves nothing to chance."""
    make_default("ces_folk_v2")


def notes_by(author: User, count: int, **rest: Any) -> list[Note]:
    """Publish notes an hour apart, the first being the newest."""
    return [
        NoteFactory.create(author=author, published_at=AGO - timedelta(hours=n), **rest)
        for n in range(count)
    ]


def happened(person: User, note: Note, kind: EventKind, at: datetime = AGO) -> None:
    Event.objects.create(
        id=uuid4(),
        kind=kind,
        person_id=person.pk,
        note_id=note.pk,
        occurred_at=at,
        received_at=at,
        population=Population.REAL,
        source=Source.CLIENT,
    )


def explored(person: User | None = None, **rest: Any) -> RankedPage:
    return feed.explore(viewer=Viewer(person.pk if person else None), at=NOW, **rest)


def test_explore_shows_what_is_published_and_never_one_s_own(author: User, reader: User) -> None:
    shown = NoteFactory.create(author=author, published_at=AGO)
    NoteFactory.create(author=author, published_at=AGO, state="draft")
    NoteFactory.create(author=author, published_at=NOW + timedelta(hours=1))
    NoteFactory.create(author=reader, published_at=AGO)
    taken_down = NoteFactory.create(author=author, published_at=AGO)
    take_down(taken_down.pk)

    page = explored(reader)

    assert page.note_ids == [shown.pk]
    assert (page.caught_up, page.cursor, page.policy) == (True, None, "ces_folk_v2")


def test_a_batch_ranks_for_each_viewer_as_if_they_were_alone() -> None:
    readers, authors = UserFactory.create_batch(3), UserFactory.create_batch(4)
    topics = [TopicFactory.create(slug=slug) for slug in ("tea", "shoes", "paint")]
    notes = [
        NoteFactory.create(
            author=authors[n % 4], topics=[topics[n % 3]], published_at=AGO - timedelta(hours=n)
        )
        for n in range(24)
    ]
    FollowFactory.create(follower=readers[0], followed=authors[1])
    for note in notes[:6]:
        reactions.like(note_id=note.pk, person_id=readers[1].pk, at=AGO)
    viewers = [Viewer(reader.pk) for reader in readers] + [Viewer()]

    together = feed.explore_many(viewers=viewers, at=NOW, limit=10)

    alone = [feed.explore_many(viewers=[viewer], at=NOW, limit=10)[0] for viewer in viewers]
    assert [page.items for page in together] == [page.items for page in alone]
    assert len({tuple(page.note_ids) for page in together}) == 3
    assert not FeedSnapshot.objects.exists()


def test_a_batch_may_be_kept_under_given_names_and_paged(author: User) -> None:
    notes_by(author, 3)
    names = [uuid4(), uuid4()]

    pages = feed.explore_many(
        viewers=[Viewer(), Viewer()], at=NOW, limit=2, keep=True, request_ids=names
    )

    assert [page.request_id for page in pages] == names
    assert pages[0].cursor is not None
    rest = feed.next_page(cursor=pages[0].cursor, viewer=Viewer(), at=NOW)
    assert (rest.request_id, len(rest.items), rest.caught_up) == (names[0], 1, True)


def test_interests_follows_and_what_was_seen_move_notes(reader: User) -> None:
    tea, shoes = TopicFactory.create(slug="tea"), TopicFactory.create(slug="shoes")
    plain, about_tea, by_friend, seen = (
        NoteFactory.create(author=UserFactory.create(), topics=topics, published_at=AGO)
        for topics in ([shoes], [tea], [shoes], [tea])
    )
    liked = NoteFactory.create(
        author=UserFactory.create(), topics=[tea], published_at=NOW - timedelta(days=29)
    )
    FollowFactory.create(follower=reader, followed=by_friend.author)
    happened(reader, liked, EventKind.SAVE, at=NOW - timedelta(hours=1))
    happened(reader, seen, EventKind.NOTE_OPEN)

    page = explored(reader)

    assert page.is_personalised
    assert page.note_ids[:3] == [about_tea.pk, by_friend.pk, plain.pk]
    assert page.note_ids.index(seen.pk) > page.note_ids.index(plain.pk)
    sources = {item.note_id: item.source for item in page.items}
    assert sources[about_tea.pk] == "interest"
    assert sources[by_friend.pk] == "following"
    reasons = {item.note_id: [reason.text for reason in item.reasons] for item in page.items}
    assert reasons[about_tea.pk][0] == "You read about #tea, or asked for more of it"


@pytest.mark.parametrize("off", ["consent", "preference"])
def test_without_consent_or_by_preference_everyone_s_feed_is_the_same(
    reader: User, off: str
) -> None:
    notes = [note for _ in range(4) for note in notes_by(UserFactory.create(), 2)]
    FollowFactory.create(follower=reader, followed=notes[-1].author)
    for note in notes[:3]:
        reactions.like(note_id=note.pk, person_id=reader.pk, at=AGO)
    personal = explored(reader)
    if off == "consent":
        ConsentFactory.create(user=reader, purpose=Purpose.PERSONALISATION, is_granted=False)
    else:
        PreferenceFactory.create(user=reader, is_personalised=False, topics={"tea": "increase"})

    impersonal = explored(reader)

    assert (personal.is_personalised, impersonal.is_personalised) == (True, False)
    assert impersonal.items == explored().items
    assert personal.note_ids != impersonal.note_ids


def test_the_dials_move_topics_up_and_down(reader: User) -> None:
    notes = [
        NoteFactory.create(
            author=UserFactory.create(), topics=[TopicFactory.create(slug=slug)], published_at=AGO
        )
        for slug in ("more", "plain", "less")
    ]
    before = explored(reader).note_ids
    PreferenceFactory.create(user=reader, topics={"more": "increase", "less": "reduce"})

    after = explored(reader).note_ids

    assert before == [note.pk for note in reversed(notes)]
    assert after == [note.pk for note in notes]


@pytest.mark.parametrize("direction", ["blocking", "blocked"])
def test_blocked_authors_and_hidden_notes_never_appear(reader: User, direction: str) -> None:
    topic = TopicFactory.create(slug="tea")
    foe, friend = UserFactory.create_batch(2)
    notes = [NoteFactory.create(author=who, topics=[topic], published_at=AGO) for who in
             (foe, friend, friend)]  # fmt: skip
    for followed in (foe, friend):
        FollowFactory.create(follower=reader, followed=followed)
    pair = (reader, foe) if direction == "blocking" else (foe, reader)
    BlockFactory.create(blocker=pair[0], blocked=pair[1])
    reactions.hide(note_id=notes[1].pk, person_id=reader.pk, at=AGO)

    viewer = Viewer(reader.pk)
    pages = [
        feed.explore(viewer=viewer, at=NOW),
        feed.following(viewer=viewer, at=NOW),
        related.related(note_id=notes[2].pk, viewer=viewer, at=NOW),
    ]

    assert [page.note_ids for page in pages] == [[notes[2].pk], [notes[2].pk], []]


def test_following_is_newest_first_and_only_of_people_one_follows(
    author: User, reader: User
) -> None:
    FollowFactory.create(follower=reader, followed=author)
    notes = notes_by(author, 3)
    notes_by(UserFactory.create(), 2)
    NoteFactory.create(author=author, published_at=NOW - timedelta(days=31))

    page = feed.following(viewer=Viewer(reader.pk), at=NOW)

    assert page.note_ids == [note.pk for note in notes]
    assert (page.policy, page.caught_up) == ("following_newest_v2", True)


def drained(viewer: Viewer, *, size: int, between: Callable[[], object]) -> list[tuple[int, int]]:
    """Read a feed to its end; return positions and note ids."""
    page = feed.explore(viewer=viewer, at=NOW, limit=size)
    read = [(item.position, item.note_id) for item in page.items]
    while page.cursor:
        between()
        page = feed.next_page(cursor=page.cursor, viewer=viewer, at=NOW, limit=size)
        read += [(item.position, item.note_id) for item in page.items]
    assert page.caught_up
    return read


def test_pages_neither_repeat_nor_skip_whatever_is_published_meanwhile(
    author: User, reader: User
) -> None:
    others = UserFactory.create_batch(3)
    notes = [note for who in (author, *others) for note in notes_by(who, 4)]

    read = drained(
        Viewer(reader.pk),
        size=3,
        between=lambda: NoteFactory.create(author=author, published_at=AGO + timedelta(hours=1)),
    )

    assert [position for position, _ in read] == list(range(16))
    assert sorted(note_id for _, note_id in read) == sorted(note.pk for note in notes)


def test_what_is_hidden_blocked_or_taken_down_meanwhile_is_left_out_and_pages_stay_full(
    author: User, reader: User
) -> None:
    foe = UserFactory.create()
    notes = notes_by(author, 6)
    foe_s = NoteFactory.create(author=foe, published_at=NOW - timedelta(days=20))
    first = feed.explore(viewer=Viewer(reader.pk), at=NOW, limit=2)
    reactions.hide(note_id=notes[2].pk, person_id=reader.pk, at=NOW)
    take_down(notes[3].pk)
    BlockFactory.create(blocker=foe, blocked=reader)

    assert first.cursor is not None
    second = feed.next_page(cursor=first.cursor, viewer=Viewer(reader.pk), at=NOW, limit=2)

    assert first.note_ids == [notes[0].pk, notes[1].pk]
    assert second.note_ids == [notes[4].pk, notes[5].pk]
    assert [item.position for item in second.items] == [4, 5]
    assert second.caught_up
    assert foe_s.pk not in second.note_ids


def test_a_feed_is_kept_for_an_hour_and_explained_for_a_month(author: User, reader: User) -> None:
    note = notes_by(author, 3)[0]
    viewer = Viewer(reader.pk)
    page = feed.explore(viewer=viewer, at=NOW, limit=1)
    assert page.cursor is not None

    with pytest.raises(FeedExpired):
        feed.next_page(cursor=page.cursor, viewer=viewer, at=NOW + timedelta(hours=1))

    late = NOW + timedelta(days=29)
    why = snapshots.explain(request_id=page.request_id, note_id=note.pk, viewer=viewer, at=late)
    assert why.item.position == 0
    assert snapshots.forget(at=late) == 0
    assert snapshots.forget(at=NOW + timedelta(days=30)) == 1


def test_a_cursor_is_worth_nothing_to_others_and_cannot_be_made_up(
    author: User, reader: User
) -> None:
    notes_by(author, 3)
    cursor = feed.explore(viewer=Viewer(reader.pk), at=NOW, limit=1).cursor
    assert cursor is not None

    for viewer in (Viewer(author.pk), Viewer(), Viewer(visitor_id=UUID(int=1))):
        with pytest.raises(FeedExpired):
            feed.next_page(cursor=cursor, viewer=viewer, at=NOW)
    with pytest.raises(InvalidInput):
        feed.next_page(cursor=cursor + "x", viewer=Viewer(reader.pk), at=NOW)


def test_an_expired_cursor_is_answered_with_410(author: User, api: ApiClient) -> None:
    now = timezone.now()
    for _ in range(3):
        NoteFactory.create(author=author, published_at=now - timedelta(hours=2))
    address = api.get("/feed?page_size=1").json()["next"].partition("/api/v1")[2]
    FeedSnapshot.objects.update(created_at=now - timedelta(hours=1))

    response = api.get(address)

    assert (response.status_code, response.json()["code"]) == (410, "feed_expired")


def test_related_notes_share_products_topics_or_the_author(author: User, reader: User) -> None:
    tea, product = TopicFactory.create(slug="tea"), ProductFactory.create()
    note = NoteFactory.create(author=author, topics=[tea], products=[product], published_at=AGO)
    same_product = NoteFactory.create(
        author=UserFactory.create(), products=[product], published_at=AGO
    )
    same_topic = NoteFactory.create(author=UserFactory.create(), topics=[tea], published_at=AGO)
    same_author = NoteFactory.create(author=author, published_at=AGO)
    NoteFactory.create(author=UserFactory.create(), published_at=AGO)

    page = related.related(note_id=note.pk, viewer=Viewer(reader.pk), at=NOW)

    assert page.note_ids == [same_topic.pk, same_product.pk, same_author.pk]
    assert [item.reasons[0].code for item in page.items] == [
        "same_topic", "same_product", "same_author"
    ]  # fmt: skip


def test_the_cap_on_an_author_counts_what_was_shown_in_this_session(
    author: User, reader: User
) -> None:
    notes, other = notes_by(author, 6), NoteFactory.create(published_at=AGO)
    way = policy(author_cap=3, session_minutes=30)
    for note, minutes in ((notes[3], 5), (notes[4], 29), (notes[5], 31)):
        happened(reader, note, EventKind.IMPRESSION, NOW - timedelta(minutes=minutes))

    def shown(viewer: User | None, **numbers: Any) -> list[int]:
        [page] = feed.explore_many(
            viewers=[Viewer(viewer.pk if viewer else None)],
            at=NOW,
            policy=replace(way, **numbers),
        )
        return page.note_ids

    assert {*shown(reader)} == {notes[0].pk, other.pk}
    assert len(shown(reader, session_minutes=0)) == 4
    assert len(shown(None)) == 4  # of visitors nothing is looked at


def test_an_answer_holds_few_notes_of_an_author_and_keeps_paid_ones_apart(reader: User) -> None:
    busy = UserFactory.create()
    for n in range(12):
        NoteFactory.create(author=busy, topics=[], published_at=NOW - timedelta(minutes=n + 1))
    brand = BrandFactory.create()
    for n in range(4):
        NoteFactory.create(
            author=UserFactory.create(),
            topics=[],
            published_at=NOW - timedelta(seconds=n + 1),
            brand=brand,
            is_sponsored=True,
            disclosure="ad",
        )
    for n in range(10):
        NoteFactory.create(topics=[], published_at=NOW - timedelta(hours=n + 1))

    page = feed.explore(viewer=Viewer(reader.pk), at=NOW, limit=100)

    notes = Note.objects.in_bulk(page.note_ids)
    shown = [notes[note_id] for note_id in page.note_ids]
    assert sum(note.author_id == busy.pk for note in shown) == 8
    paid = [place for place, note in enumerate(shown) if note.is_sponsored]
    assert paid == [0, 6, 12, 18]


def test_the_newest_notes_of_those_followed_are_offered_and_no_more(reader: User) -> None:
    followed = UserFactory.create_batch(3)
    notes = [
        NoteFactory.create(author=who, topics=[], published_at=NOW - timedelta(days=40 + n))
        for n, who in enumerate(followed * 2)
    ]
    for who in followed:
        FollowFactory.create(follower=reader, followed=who)
    NoteFactory.create(published_at=NOW - timedelta(hours=1))
    few = policy(fresh=1, by_followed=2, followed_notes=4)
    viewers = [Viewer(reader.pk), Viewer(UserFactory.create().pk)]

    alone = feed.explore_many(viewers=viewers[:1], at=NOW, limit=50, policy=few)[0]
    together = feed.explore_many(viewers=viewers, at=NOW, limit=50, policy=few)[0]

    sources = {item.note_id: item.source for item in alone.items}
    assert {pk for pk, source in sources.items() if source == "following"} == {
        note.pk for note in notes[:4]
    }
    assert together.items == alone.items
