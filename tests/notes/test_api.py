"""Notes over HTTP, in the shapes of the contract."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from notes.factories import NoteFactory, TopicFactory
from notes.models import Note
from redshop.accounts.factories import BlockFactory, FollowFactory
from redshop.accounts.models import User
from redshop.catalog.factories import MediaFactory, SkuFactory
from tests.api import ApiClient
from tests.notes.policies import make_default

pytestmark = pytest.mark.django_db


def draft(**changes: Any) -> dict[str, Any]:
    return {"type": "image", "title": "防晒霜", "body": "清爽", "ai_use": "none", **changes}


def test_a_note_is_written_published_and_read_by_everyone(
    author: User, author_api: ApiClient, api: ApiClient
) -> None:
    TopicFactory.create(slug="sunscreen")
    sku = SkuFactory.create()
    picture = MediaFactory.create(owner=author)
    body = draft(topics=["sunscreen"], product_ids=[sku.product_id], media_ids=[picture.pk])

    written = author_api.post("/notes", body)
    unseen = api.get(f"/notes/{written.json()['id']}")
    published = author_api.post(f"/notes/{written.json()['id']}/publish")
    seen = api.get(f"/notes/{written.json()['id']}").json()

    assert (written.status_code, written.json()["state"]) == (201, "draft")
    assert unseen.status_code == 404
    assert (published.status_code, published.json()["state"]) == (200, "published")
    assert seen["author"]["handle"] == "author"
    assert seen["topics"] == ["sunscreen"]
    assert seen["products"] == [
        {
            "id": sku.product_id,
            "name": sku.product.name,
            "price": {"amount_minor": 12_900, "currency": "CNY"},
        }
    ]
    assert [media["id"] for media in seen["media"]] == [picture.pk]
    assert seen["provenance"] == {
        "origin": "user",
        "sponsored": False,
        "ai": "none",
        "verified_purchase": False,
    }
    assert seen["disclosure"] == ""
    assert seen["counts"] == {"likes": 0, "saves": 0, "comments": 0, "shares": 0}
    assert seen["viewer"] == {"liked": False, "saved": False, "following_author": False}


def test_a_note_that_earns_is_not_published_without_saying_so(author_api: ApiClient) -> None:
    note_id = author_api.post("/notes", draft(earns_commission=True)).json()["id"]

    refused = author_api.post(f"/notes/{note_id}/publish")

    assert (refused.status_code, refused.json()["code"]) == (422, "disclosure_required")
    assert Note.objects.get(pk=note_id).state == "draft"
    author_api.patch(f"/notes/{note_id}", {"disclosure": "ad"})
    assert author_api.post(f"/notes/{note_id}/publish").json()["disclosure"] == "ad"


def test_what_a_viewer_did_is_told_to_them_and_counted_for_all(
    author: User, reader: User, reader_api: ApiClient, api: ApiClient
) -> None:
    note = NoteFactory.create(author=author)
    FollowFactory.create(follower=reader, followed=author)

    answers = [
        reader_api.put(f"/notes/{note.pk}/like", {"surface": "explore"}),
        reader_api.put(f"/notes/{note.pk}/like"),
        reader_api.put(f"/notes/{note.pk}/save"),
        reader_api.delete(f"/notes/{note.pk}/save"),
        reader_api.post(f"/notes/{note.pk}/share", {"request_id": str(uuid4())}),
    ]

    assert [answer.status_code for answer in answers] == [204, 204, 204, 204, 201]
    mine, others = (who.get(f"/notes/{note.pk}").json() for who in (reader_api, api))
    assert mine["viewer"] == {"liked": True, "saved": False, "following_author": True}
    assert others["viewer"] == {"liked": False, "saved": False, "following_author": False}
    assert others["counts"] == {"likes": 1, "saves": 0, "comments": 0, "shares": 1}


def test_a_known_note_is_answered_with_304_until_something_changes(
    author: User, reader_api: ApiClient
) -> None:
    note = NoteFactory.create(author=author)
    etag = reader_api.get(f"/notes/{note.pk}")["ETag"]

    same = reader_api.get(f"/notes/{note.pk}", headers={"If-None-Match": etag})
    reader_api.put(f"/notes/{note.pk}/like")
    changed = reader_api.get(f"/notes/{note.pk}", headers={"If-None-Match": etag})

    assert (same.status_code, changed.status_code) == (304, 200)


def test_comments_are_listed_answered_liked_and_taken_back(
    author: User, author_api: ApiClient, reader_api: ApiClient, api: ApiClient
) -> None:
    note = NoteFactory.create(author=author)
    address = f"/notes/{note.pk}/comments"

    first = reader_api.post(address, {"body": "好用吗？"}).json()
    reply = author_api.post(address, {"body": "好用", "reply_to": first["id"]})
    author_api.put(f"/comments/{first['id']}/like")
    deeper = reader_api.post(address, {"body": "!", "reply_to": reply.json()["id"]})
    listed = author_api.get(address).json()["results"]
    foreign = author_api.delete(f"/comments/{first['id']}")
    own = reader_api.delete(f"/comments/{first['id']}")

    assert (reply.status_code, deeper.status_code) == (201, 400)
    assert [(row["body"], row["reply_to"]) for row in listed] == [
        ("好用", first["id"]),
        ("好用吗？", None),
    ]
    assert [(row["likes"], row["replies"], row["viewer"]["liked"]) for row in listed] == [
        (0, 0, False),
        (1, 1, True),
    ]
    assert (foreign.status_code, own.status_code) == (404, 204)
    assert api.get(address).json()["results"] == []
    assert api.get(f"/notes/{note.pk}").json()["counts"]["comments"] == 0


def test_the_feed_is_paged_to_its_end_in_the_shape_of_the_contract(
    author: User, api: ApiClient
) -> None:
    make_default("ces_folk_v2")
    now = timezone.now()
    notes = [
        NoteFactory.create(author=author, published_at=now - timedelta(hours=n + 1))
        for n in range(5)
    ]

    first = api.get("/feed?surface=explore&page_size=3").json()
    second = api.get(first["next"].partition("/api/v1")[2]).json()

    assert set(first) == {
        "request_id", "policy", "personalised", "results", "next", "caught_up"
    }  # fmt: skip
    assert (first["policy"], first["caught_up"], second["caught_up"]) == (
        "ces_folk_v2", False, True
    )  # fmt: skip
    assert second["request_id"] == first["request_id"]
    assert second["next"] is None
    results = first["results"] + second["results"]
    assert [row["position"] for row in results] == [0, 1, 2, 3, 4]
    assert [row["note"]["id"] for row in results] == [note.pk for note in notes]
    assert results[0]["reasons"] == [
        {"code": "fresh", "text": "It is among the newest"},
    ]


def test_why_tells_how_the_score_came_about_and_only_to_whom_it_was_shown(
    author: User, reader_api: ApiClient, api: ApiClient
) -> None:
    note = NoteFactory.create(author=author)
    request_id = reader_api.get("/feed").json()["request_id"]

    why = reader_api.get(f"/notes/{note.pk}/why?request_id={request_id}").json()
    foreign = api.get(f"/notes/{note.pk}/why?request_id={request_id}")

    total = sum(feature["contribution"] for feature in why["features"])
    for factor in why["factors"]:
        total *= factor["value"]
    assert why["score"] == pytest.approx(total, abs=1e-4)
    assert {feature["name"] for feature in why["features"]} == {
        "engagement", "freshness", "interest", "following", "similar", "content", "newcomer"
    }  # fmt: skip
    assert (why["policy"], why["version"], why["source"]) == ("ces_folk_v4", 4, "fresh")
    assert why["exploration"]["propensity"] == 1.0
    assert foreign.status_code == 404


def test_the_following_feed_needs_a_person(api: ApiClient) -> None:
    assert api.get("/feed?surface=following").status_code == 401


def test_lists_of_notes_by_topic_author_and_product(
    author: User, author_api: ApiClient, api: ApiClient
) -> None:
    topic, sku = TopicFactory.create(slug="tea"), SkuFactory.create()
    note = NoteFactory.create(author=author, topics=[topic], products=[sku.product])
    unpublished = NoteFactory.create(author=author, topics=[topic], state="draft")

    lists = [
        api.get(f"/{path}/notes").json()
        for path in ("topics/tea", "users/author", f"products/{sku.product_id}")
    ]

    assert [[row["id"] for row in found["results"]] for found in lists] == [[note.pk]] * 3
    drafts = author_api.get("/users/author/notes?state=draft").json()["results"]
    assert [row["id"] for row in drafts] == [unpublished.pk]
    assert api.get("/users/author/notes?state=draft").json()["results"] == []
    assert api.get("/topics/tea").json()["notes_count"] == 1
    assert api.get("/users/author").json()["counts"]["notes"] == 1
    assert api.get(f"/products/{sku.product_id}").json()["notes_count"] == 1


def test_the_notes_of_someone_blocked_are_not_there(
    author: User, reader: User, reader_api: ApiClient, api: ApiClient
) -> None:
    note = NoteFactory.create(author=author)
    BlockFactory.create(blocker=author, blocked=reader)

    paths = [f"/notes/{note.pk}", f"/notes/{note.pk}/comments", f"/notes/{note.pk}/related"]

    assert [reader_api.get(path).status_code for path in paths] == [404, 404, 404]
    assert reader_api.put(f"/notes/{note.pk}/like").status_code == 404
    assert [api.get(path).status_code for path in paths] == [200, 200, 200]


def test_the_ways_of_ranking_are_open_to_everyone(api: ApiClient) -> None:
    found = {row["policy"]: row for row in api.get("/ranking/policies").json()["results"]}

    assert found["ces_folk_v4"]["numbers"]["comment"] == 4.0
    assert found["bm25_fields_v3"]["numbers"]["title"] == 3.0
    assert found["following_newest_v2"]["since"] == "2026-11-29"


def test_a_note_of_another_person_cannot_be_touched(author: User, reader_api: ApiClient) -> None:
    note = NoteFactory.create(author=author, title="mine")

    answers = [
        reader_api.patch(f"/notes/{note.pk}", {"title": "yours"}),
        reader_api.post(f"/notes/{note.pk}/publish"),
        reader_api.delete(f"/notes/{note.pk}"),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert Note.objects.get(pk=note.pk).title == "mine"
