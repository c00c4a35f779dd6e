"""Lists of notes take as many queries however long they are."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from notes.factories import NoteFactory, TopicFactory
from notes.services import indexing, reactions
from redshop.accounts.factories import FollowFactory
from redshop.accounts.models import User
from redshop.catalog.factories import MediaFactory, SkuFactory
from tests.api import ApiClient
from tests.notes.policies import make_default
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def without_chance(db: None) -> None:
    """Rank by the last policy that leaves nothing to chance."""
    make_default("ces_folk_v2")


def fill(count: int, reader: User) -> None:
    for _ in range(count):
        note = NoteFactory.create(
            media=[MediaFactory.create()],
            products=[SkuFactory.create(product__name="Velvet lip tint").product],
            topics=[TopicFactory.create(slug="tea"), TopicFactory.create()],
        )
        FollowFactory.create(follower=reader, followed=note.author)
        reactions.like(note_id=note.pk, person_id=reader.pk, at=timezone.now())
    indexing.index_changed_products()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("explore", "/feed"),
        ("following", "/feed?surface=following"),
        ("search notes", "/search/notes?q=tea"),
        ("search products", "/search/products?q=tint"),
        ("topic notes", "/topics/tea/notes"),
        ("topics", "/topics"),
        ("trending", "/search/trending"),
        ("suggest", "/search/suggest?q=t"),
    ],
)
def test_a_longer_list_takes_no_more_queries(
    name: str, path: str, reader: User, reader_api: ApiClient
) -> None:
    def ask(rows: int) -> Callable[[], Callable[[], object]]:
        def prepare() -> Callable[[], object]:
            fill(rows, reader)
            return lambda: reader_api.get(path)

        return prepare

    assert_query_count(f"notes {name}", ask(2), ask(6))


def test_a_feed_s_next_page_takes_no_more_queries(reader: User, reader_api: ApiClient) -> None:
    def ask(rows: int) -> Callable[[], Callable[[], object]]:
        def prepare() -> Callable[[], object]:
            fill(rows, reader)
            following = reader_api.get("/feed?page_size=1").json()["next"]
            return lambda: reader_api.get(following.partition("/api/v1")[2] + "&page_size=50")

        return prepare

    assert_query_count("notes explore, next page", ask(2), ask(6))


def test_comments_and_notes_of_a_person_take_no_more_queries(
    author: User, reader_api: ApiClient
) -> None:
    note = NoteFactory.create(author=author)

    def ask(path: str, rows: int) -> Callable[[], Callable[[], object]]:
        def prepare() -> Callable[[], object]:
            for _ in range(rows):
                NoteFactory.create(author=author)
                said = reader_api.post(f"/notes/{note.pk}/comments", {"body": "x"}).json()
                reader_api.put(f"/comments/{said['id']}/like")
            return lambda: reader_api.get(path)

        return prepare

    paths = {
        "comments": f"/notes/{note.pk}/comments",
        "of a person": "/users/author/notes",
        "related": f"/notes/{note.pk}/related",
    }
    for name, path in paths.items():
        assert_query_count(f"notes {name}", ask(path, 2), ask(path, 6))
