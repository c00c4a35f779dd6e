"""A developer writes, publishes and takes down notes in the admin, under the rules of the API."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from notes.factories import CommentFactory, LikeFactory, NoteFactory, TopicFactory
from notes.models import Comment, Note, NoteMedia, ProductTag
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import User
from redshop.catalog import pictures
from redshop.catalog.factories import BrandFactory, MediaFactory, ProductFactory
from tests.notes.indexed import terms_of
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db

MODELS = [
    "note", "topic", "comment", "like", "save", "hide", "share", "followfrom", "proofofpurchase",
    "feedsnapshot",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", "root@example.com", "pw"))
    return client


def a_picture() -> SimpleUploadedFile:
    drawn = pictures.draw(seed="tea", width=60, height=80)
    return SimpleUploadedFile("tea.jpg", drawn, content_type="image/jpeg")


def a_note(author: User, **over: Any) -> dict[str, Any]:
    """What a developer sends: a note about a topic, one picture uploaded in its row."""
    return {
        "title": "Green tea",
        "type": "image",
        "author": author.pk,
        "body": "From the hills.",
        "topics": [TopicFactory.create(slug="tea").pk],
        "brand": "",
        "origin": "user",
        "disclosure": "",
        "ai_use": "none",
        "pictures-TOTAL_FORMS": "1",
        "pictures-INITIAL_FORMS": "0",
        "pictures-0-upload": a_picture(),
        "pictures-0-media": "",
        "pictures-0-position": "0",
        "product_tags-TOTAL_FORMS": "0",
        "product_tags-INITIAL_FORMS": "0",
        **over,
    }


def act(admin: Client, action: str, *notes: Note) -> str:
    body = {"action": action, "_selected_action": [note.pk for note in notes]}
    return admin.post("/admin/notes/note/", body, follow=True).content.decode()


def reloaded(note: Note) -> Note:
    return Note.objects.get(pk=note.pk)


@pytest.mark.parametrize("model", MODELS)
def test_every_table_can_be_listed_and_searched(admin: Client, model: str, author: User) -> None:
    LikeFactory.create(note=NoteFactory.create(author=author), person=UserFactory.create())

    for path in ("", "?q=a"):
        assert admin.get(f"/admin/notes/{model}/{path}").status_code == 200


def test_a_longer_table_of_notes_takes_no_more_queries(admin: Client) -> None:
    def ask(rows: int) -> Callable[[], Callable[[], object]]:
        def prepare() -> Callable[[], object]:
            for _ in range(rows):
                NoteFactory.create(media=[MediaFactory.create()])
            return lambda: admin.get("/admin/notes/note/")

        return prepare

    assert_query_count("admin notes/note", ask(2), ask(6))


def test_a_note_with_pictures_products_and_topics_is_one_page(admin: Client, author: User) -> None:
    product = ProductFactory.create(name="Teapot")
    shown = {"product_tags-TOTAL_FORMS": "1", "product_tags-0-product": product.pk}

    response = admin.post("/admin/notes/note/add/", a_note(author, **shown))

    assert response.status_code == 302
    note = Note.objects.get()
    assert (note.state, note.published_at, note.population) == ("draft", None, "real")
    assert (note.counts.likes, note.author) == (0, author)
    assert NoteMedia.objects.get(note=note).media.owner == author
    assert {"green", "tea", "hill", "teapot"} <= terms_of(note)
    page = admin.get(f"/admin/notes/note/{note.pk}/change/").content.decode()
    assert "Teapot" in page
    assert "(&#x27;draft&#x27;" not in page


def test_a_note_is_published_taken_down_and_reinstated_by_actions(
    admin: Client, author: User
) -> None:
    note = NoteFactory.create(author=author, state="draft")
    states = []
    for action in ("publish", "take_down", "reinstate", "remove"):
        act(admin, action, note)
        states.append(reloaded(note).state)

    assert states == ["published", "taken_down", "published", "deleted"]
    assert reloaded(note).published_at is not None


def test_the_buttons_on_a_notes_page_do_the_same(admin: Client, author: User) -> None:
    note = NoteFactory.create(author=author, state="draft")
    states = []
    for action in ("publish", "take-down", "reinstate"):
        address = f"/admin/notes/note/{note.pk}/{action}/"
        asked, before = admin.get(address), reloaded(note).state
        admin.post(address, {"_form_submitted": "True", "grounds": "For the test."})
        states.append((asked.status_code, before, reloaded(note).state))

    assert states == [
        (200, "draft", "published"),
        (200, "published", "taken_down"),
        (200, "taken_down", "published"),
    ]


def test_a_refusal_is_shown_and_the_others_are_done(admin: Client, author: User) -> None:
    silent = NoteFactory.create(author=author, title="Silent", state="draft", earns_commission=True)
    fine = NoteFactory.create(author=author, state="draft")

    page = act(admin, "publish", silent, fine)

    assert "Silent: A note that earns, is paid for or speaks for a brand must say so" in page
    assert "1 note published." in page
    assert (reloaded(silent).state, reloaded(fine).state) == ("draft", "published")


def change(note: Note, **over: Any) -> dict[str, Any]:
    return a_note(note.author, **{"pictures-TOTAL_FORMS": "0", "topics": [], **over})


def test_what_is_changed_is_found_by_its_new_words(admin: Client, author: User) -> None:
    note = NoteFactory.create(author=author, title="Old")

    response = admin.post(f"/admin/notes/note/{note.pk}/change/", change(note, title="Newer"))

    assert response.status_code == 302
    assert reloaded(note).title == "Newer"
    assert "newer" in terms_of(note)
    assert "old" not in terms_of(note)
    assert reloaded(note).published_at == note.published_at


@pytest.mark.parametrize(
    ("over", "complaint"),
    [
        ({"earns_commission": "on"}, "must say so before it is published"),
        ({"is_sponsored": "on"}, "Say which brand this is for."),
        ({"ai_use": "none"}, "keeps that label"),
    ],
)
def test_a_published_note_stays_bound_by_the_rules(
    admin: Client, author: User, over: dict[str, str], complaint: str
) -> None:
    note = NoteFactory.create(author=author, title="Kept", ai_use="generated")

    body = change(note, **{"ai_use": "generated", **over})
    response = admin.post(f"/admin/notes/note/{note.pk}/change/", body)

    assert complaint in response.content.decode()
    assert reloaded(note).title == "Kept"


def test_nobody_writes_in_the_name_of_a_brand_they_do_not_work_for(
    admin: Client, author: User
) -> None:
    over = {"brand": BrandFactory.create().pk, "origin": "brand", "disclosure": "ad"}

    response = admin.post("/admin/notes/note/add/", a_note(author, **over))

    assert "Only people who work for a brand" in response.content.decode()
    assert not Note.objects.exists()


def test_a_product_taken_away_stays_in_the_history(admin: Client, author: User) -> None:
    note = NoteFactory.create(author=author, products=[ProductFactory.create()])
    tag = ProductTag.objects.get()
    removal = {
        "product_tags-TOTAL_FORMS": "1",
        "product_tags-INITIAL_FORMS": "1",
        "product_tags-0-id": tag.pk,
        "product_tags-0-DELETE": "on",
    }

    admin.post(f"/admin/notes/note/{note.pk}/change/", change(note, **removal))

    tag.refresh_from_db()
    assert tag.valid_until is not None


def test_a_renamed_topic_is_found_by_its_new_name(admin: Client, author: User) -> None:
    topic = TopicFactory.create(slug="tea", name="Tea")
    note = NoteFactory.create(author=author, topics=[topic])

    admin.post(f"/admin/notes/topic/{topic.pk}/change/", {"name": "Infusions", "slug": "tea"})

    assert "infus" in terms_of(note)


def test_a_comment_is_taken_back_and_counted_no_more(admin: Client, author: User) -> None:
    comment = CommentFactory.create(
        note=NoteFactory.create(author=author), author=UserFactory.create()
    )
    body = {"action": "take_back", "_selected_action": [comment.pk]}

    admin.post("/admin/notes/comment/", body)

    assert Comment.objects.get().deleted_at is not None
    assert reloaded(comment.note).counts.comments == 0
