"""The explore and following feeds: who is shown what, in which order, and that pages hold still."""

from datetime import UTC, datetime, timedelta

import pytest

from notes.discovery import feed
from notes.discovery.types import Viewer
from notes.factories import NoteFactory, TopicFactory
from notes.services import reactions
from redshop.accounts.models import Follow, User

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AGO = NOW - timedelta(hours=2)


def person(handle: str) -> User:
    user: User = User.objects.create_user(handle, f"{handle}@example.com")
    return user


def test_explore_shows_what_is_published_and_never_ones_own() -> None:
    reader, author = person("reader"), person("author")
    shown = NoteFactory.create(author=author, published_at=AGO)
    NoteFactory.create(author=author, published_at=AGO, state="draft")
    NoteFactory.create(author=reader, published_at=AGO)

    page = feed.explore(viewer=Viewer(reader.pk), at=NOW)

    assert page.note_ids == [shown.pk]
    assert (page.caught_up, page.cursor, page.policy) == (True, None, "ces_folk_v1")


def test_a_batch_ranks_for_each_viewer_as_if_they_were_alone() -> None:
    readers = [person(f"reader{n}") for n in range(3)]
    authors = [person(f"author{n}") for n in range(4)]
    topics = [TopicFactory.create(slug=slug) for slug in ("tea", "shoes", "paint")]
    notes = [
        NoteFactory.create(
            author=authors[n % 4], topics=[topics[n % 3]], published_at=AGO - timedelta(hours=n)
        )
        for n in range(24)
    ]
    Follow.objects.create(follower=readers[0], followed=authors[1], created_at=AGO)
    for note in notes[:6]:
        reactions.like(note_id=note.pk, person_id=readers[1].pk, at=AGO)
    viewers = [Viewer(reader.pk) for reader in readers] + [Viewer()]

    together = feed.explore_many(viewers=viewers, at=NOW, limit=10)

    alone = [feed.explore_many(viewers=[viewer], at=NOW, limit=10)[0] for viewer in viewers]
    assert [page.items for page in together] == [page.items for page in alone]
    assert len({tuple(page.note_ids) for page in together}) == 3
