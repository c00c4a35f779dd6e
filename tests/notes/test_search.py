"""Search finds what was written, in three languages, and answers odd queries properly."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import numpy as np
import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from notes.discovery.search import history, snippets, trending
from notes.discovery.search import notes as search
from notes.discovery.search.bm25 import (
    LARGEST,
    Field,
    Shape,
    impacts,
    inverse_document_frequency,
)
from notes.discovery.search.hits import Sort
from notes.discovery.search.notes import Ask
from notes.discovery.search.text import fold, normal, spans, terms, tokenise
from notes.discovery.types import Viewer
from notes.factories import (
    LikeFactory,
    NoteFactory,
    PastSearchFactory,
    TopicFactory,
)
from notes.models import PastSearch
from notes.services import folding
from redshop.accounts.factories import BlockFactory, UserFactory
from redshop.accounts.models import Consent, Purpose, User
from redshop.catalog.factories import BrandFactory, ProductFactory
from redshop.core.populations import Population
from redshop.events.kinds import EventKind, Source
from redshop.events.models import Event
from tests.api import ApiClient

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AGO = NOW - timedelta(hours=2)


def found(query: str, **rest: Any) -> list[int]:
    return search.search_notes(query=query, viewer=Viewer(), at=NOW, **rest).note_ids


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Linen DRESSES, size M",
            ["linen", "linen~", "dress", "dresses~", "size", "siz~", "m", "m~"],
        ),
        ("Caffè, perché no?", ["caff", "caff~", "perch", "perc~", "no", "no~"]),
        ("防晒霜", ["防", "晒", "霜", "防晒", "晒霜", "防晒霜"]),
        ("SPF50防晒", ["spf50", "spf50~", "防", "晒", "防晒"]),
        ("ＦＵＬＬ　ｗｉｄｔｈ", ["full", "full~", "width", "width~"]),
        ("💄 tint", ["💄", "tint", "tint~"]),
        ("... !?", []),
        ("x" * 100, ["x" * 40, "x" * 40 + "~"]),
    ],
)
def test_words_are_found_whatever_the_script(text: str, expected: list[str]) -> None:
    assert tokenise(text) == expected


def test_a_stretch_of_chinese_does_not_count_for_each_way_it_is_looked_for() -> None:
    asked = terms(tokenise("防晒霜 spf spf"))

    assert asked == {
        "防": 0.4, "晒": 0.4, "霜": 0.4, "防晒": 0.7, "晒霜": 0.7, "防晒霜": 0.25,
        "spf": 1, "spf~": 1,
    }  # fmt: skip


@given(st.text(max_size=200))
def test_folding_twice_changes_nothing_and_terms_fit_their_column(text: str) -> None:
    tokens = tokenise(text)

    assert tokenise(fold(text)) == tokens
    assert all(0 < len(token) <= 41 for token in tokens)
    assert len(terms(tokens)) <= 512


@given(st.text(max_size=200))
def test_what_is_highlighted_is_what_is_found(text: str) -> None:
    """The pieces of a text, each by itself, have the terms of the whole."""
    pieces = list(spans(normal(text)))

    assert [term for piece in pieces for term in tokenise(piece.folded)] == tokenise(text)


def test_a_rare_word_counts_more_and_repetition_less_and_less() -> None:
    rarity = inverse_document_frequency(containing=np.array([1.0, 90.0]), documents=100)
    shape = Shape((Field(1.0, 10.0),), k1=1.2, b=0.6)
    once, twice, thrice = (
        impacts([["tea"] * times + ["word"] * (10 - times)], lengths=[10], shape=shape)["tea"]
        for times in (1, 2, 3)
    )

    assert rarity[0] > rarity[1] > 0
    assert once == round(LARGEST / 2.2)
    assert 0 < thrice - twice < twice - once


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("title", "body", "query"),
    [
        ("敏感肌防晒霜怎么选", "清爽不油", "防晒"),
        ("敏感肌防晒霜怎么选", "清爽不油", "敏感肌 防晒霜"),
        ("Linen dress", "deep pockets", "DRESSES dress"),
        ("La domenica", "Il caffè della moka", "caffe"),
        ("La domenica", "Il caffe della moka", "CAFFÈ"),
        ("Lip tint 💄", "", "💄"),
    ],
)
def test_a_note_is_found_by_its_words(title: str, body: str, query: str, author: User) -> None:
    note = NoteFactory.create(author=author, title=title, body=body, published_at=AGO)
    NoteFactory.create(author=author, title="其他", body="something else", published_at=AGO)

    assert found(query) == [note.pk]


@pytest.mark.django_db
def test_a_note_is_found_by_its_topics_and_the_products_it_shows(author: User) -> None:
    product = ProductFactory.create(name="Moka", brand=BrandFactory.create(name="Bellini"))
    note = NoteFactory.create(
        author=author,
        title="Morning",
        body="",
        topics=[TopicFactory.create(slug="coffee", name="咖啡")],
        products=[product],
        published_at=AGO,
    )

    assert [found(query) for query in ("coffee", "咖啡", "moka", "bellini")] == [[note.pk]] * 4


@pytest.mark.django_db
def test_a_word_in_the_title_is_worth_more_than_in_the_body(author: User) -> None:
    in_body = NoteFactory.create(author=author, title="a b", body="tea", published_at=AGO)
    in_title = NoteFactory.create(author=author, title="tea b", body="a", published_at=AGO)

    assert found("tea") == [in_title.pk, in_body.pk]


@pytest.mark.django_db
def test_sorting_and_the_filter_by_type(author: User, reader: User) -> None:
    old = NoteFactory.create(author=author, title="tea", type="video", published_at=AGO)
    new = NoteFactory.create(
        author=author, title="green tea and more", published_at=AGO + timedelta(hours=1)
    )
    LikeFactory.create(note=old, person=reader, created_at=NOW)

    assert found("tea", sort=Sort.NEWEST) == [new.pk, old.pk]
    assert found("tea", sort=Sort.POPULAR) == [old.pk, new.pk]
    assert found("tea", type_="video") == [old.pk]


@pytest.mark.django_db
def test_what_is_unpublished_or_from_someone_blocked_is_not_found(
    author: User, reader: User
) -> None:
    NoteFactory.create(author=author, title="tea", published_at=AGO)
    NoteFactory.create(author=UserFactory.create(), title="tea", state="draft", published_at=AGO)
    BlockFactory.create(blocker=reader, blocked=author)

    page = search.search_notes(query="tea", viewer=Viewer(reader.pk), at=NOW)

    assert (page.note_ids, page.caught_up) == ([], True)


@pytest.mark.django_db
def test_many_searches_at_once_are_answered_as_each_alone(author: User, reader: User) -> None:
    for title in ("tea", "tea and cake", "cake"):
        NoteFactory.create(author=author, title=title, published_at=AGO)
    asks = [Ask(Viewer(), "tea"), Ask(Viewer(reader.pk), "cake"), Ask(Viewer(author.pk), "tea")]

    together = search.search_many(asks=asks, at=NOW)

    alone = [search.search_many(asks=[ask], at=NOW)[0] for ask in asks]
    assert [page.items for page in together] == [page.items for page in alone]
    assert [len(page.items) for page in together] == [2, 2, 2]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query", ["🦄", "!!!", "' OR 1=1; DROP TABLE notes_note; --", "%", "_", "\\"]
)
def test_odd_queries_find_nothing_and_break_nothing(query: str, api: ApiClient) -> None:
    for path in ("notes", "products", "suggest"):
        response = api.get(f"/search/{path}?q={quote(query)}")

        assert (response.status_code, response.json()["results"]) == (200, [])


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["", "%20", "x" * 10_000, "%00"])
def test_impossible_queries_are_refused(query: str, api: ApiClient) -> None:
    for path in ("notes", "products", "suggest"):
        assert api.get(f"/search/{path}?q={query}").status_code == 400


@pytest.mark.django_db
def test_the_answer_is_paged_and_its_reason_names_the_words(author: User, api: ApiClient) -> None:
    now = timezone.now()
    for n in range(3):
        NoteFactory.create(
            author=author, title="green tea", body="x", published_at=now - timedelta(hours=n + 1)
        )

    first = api.get("/search/notes?q=tea&page_size=2").json()
    second = api.get(first["next"].partition("/api/v1")[2]).json()

    assert (len(first["results"]), len(second["results"])) == (2, 1)
    assert second["caught_up"] is True
    assert first["results"][0]["reasons"] == [{"code": "match", "text": "It matches tea"}]


@pytest.mark.django_db
def test_what_is_typed_is_completed_from_topics_then_titles(author: User, api: ApiClient) -> None:
    TopicFactory.create(slug="coffee", name="Coffee")
    NoteFactory.create(author=author, title="Coffee at dawn")

    answer = api.get("/search/suggest?q=cof").json()

    assert answer["results"] == [
        {"text": "Coffee", "kind": "topic"},
        {"text": "Coffee at dawn", "kind": "note"},
    ]


def searched(query: str, people: int, ago: timedelta = timedelta()) -> None:
    now = timezone.now() - ago
    Event.objects.bulk_create(
        Event(
            id=uuid4(),
            kind=EventKind.SEARCH_SUBMIT,
            query=query,
            person_id=n + 1,
            occurred_at=now,
            received_at=now,
            population=Population.REAL,
            source=Source.CLIENT,
        )
        for n in range(people)
    )


@pytest.mark.django_db
def test_trends_count_people_and_never_tell_what_one_person_typed(
    author: User, api: ApiClient
) -> None:
    searched("防晒", 4)
    searched("My secret", 2)
    NoteFactory.create(author=author, topics=[TopicFactory.create(slug="tea", name="Tea")])

    answer = api.get("/search/trending").json()

    told = [(row["text"], row["kind"], row["number"]) for row in answer["results"]]
    assert told == [("防晒", "query", 4), ("Tea", "topic", 1)]


@pytest.mark.django_db
def test_a_trend_tells_how_it_got_there_and_is_kept(api: ApiClient) -> None:
    searched("防晒", 4)
    searched("My secret", 2)
    searched("tea", 3, ago=timedelta(hours=30))
    searched("tea", 5)

    kept = trending.keep(at=timezone.now())
    searched("late", 9)
    answer = api.get("/search/trending").json()

    assert [(row["text"], row["number"], row["number_before"]) for row in answer["results"]] == [
        ("tea", 5, 3),
        ("防晒", 4, 0),
    ]
    assert answer["results"][0]["until"] == kept.computed_at.isoformat().replace("+00:00", "Z")
    assert kept.too_few_people == 1
    assert "secret" not in str(kept.entries)
    afresh = trending.trending(at=kept.computed_at + timedelta(hours=1))
    assert [trend.text for trend in afresh] == ["late", "tea", "防晒"]


@pytest.mark.django_db
def test_one_finds_what_one_searched_for_and_may_forget_it(
    author: User, reader: User, reader_api: ApiClient, api: ApiClient
) -> None:
    for query in ("tea", "coffee", "TEA"):
        reader_api.get(f"/search/notes?q={query}&source=trending")
    api.get("/search/notes?q=nobody")

    listed = reader_api.get("/me/searches").json()["results"]

    assert [row["query"] for row in listed] == ["TEA", "coffee"]
    assert set(PastSearch.objects.values_list("person_id", "source")) == {(reader.pk, "trending")}
    assert reader_api.get("/search/suggest?q=te").json()["results"][0] == {
        "text": "TEA",
        "kind": "history",
    }
    assert history.past(person_id=author.pk) == []
    assert reader_api.delete(f"/me/searches/{listed[0]['id']}").status_code == 204
    assert [row["query"] for row in reader_api.get("/me/searches").json()["results"]] == ["coffee"]
    assert reader_api.delete(f"/me/searches/{listed[0]['id']}").status_code == 404
    assert reader_api.delete("/me/searches").status_code == 204
    assert PastSearch.objects.count() == 0
    assert api.get("/me/searches").status_code == 401


@pytest.mark.django_db
def test_who_does_not_want_to_be_known_by_what_they_do_leaves_no_searches(
    reader: User, reader_api: ApiClient
) -> None:
    Consent.objects.update_or_create(
        user=reader,
        purpose=Purpose.PERSONALISATION,
        defaults={"is_granted": False, "changed_at": NOW},
    )

    reader_api.get("/search/notes?q=tea")

    assert PastSearch.objects.count() == 0


@pytest.mark.django_db
def test_old_searches_are_forgotten(reader: User) -> None:
    PastSearchFactory.create(person_id=reader.pk, searched_at=NOW - timedelta(days=91))
    PastSearchFactory.create(person_id=reader.pk, searched_at=NOW - timedelta(days=89))

    assert history.forget_old(at=NOW) == 1


@pytest.mark.django_db
def test_completions_are_of_every_kind_each_once(author: User, api: ApiClient) -> None:
    TopicFactory.create(slug="linen", name="Linen")
    ProductFactory.create(name="Linen dress", brand=BrandFactory.create(name="Linens & Co"))
    NoteFactory.create(author=author, title="A linen dress for summer", topics=[], body="x")
    NoteFactory.create(author=author, title="防晒霜怎么选", topics=[], body="linen")
    folding.fold(at=timezone.now())

    latin = api.get("/search/suggest?q=my lin").json()["results"]
    short = api.get("/search/suggest?q=lin").json()["results"]
    chinese = api.get("/search/suggest?q=防晒").json()["results"]

    assert [(row["text"], row["kind"]) for row in short] == [
        ("Linen", "topic"),
        ("Linens & Co", "brand"),
        ("Linen dress", "product"),
        ("A linen dress for summer", "note"),
        ("防晒霜怎么选", "note"),
    ]
    assert {"text": "my linen", "kind": "word"} in latin
    assert {"text": "防晒霜", "kind": "word"} in chinese
    assert {"text": "防晒霜怎么选", "kind": "note"} in chinese


@pytest.mark.parametrize(
    ("text", "query", "marks"),
    [
        ("Linen DRESSES for summer", "dress", ["DRESSES"]),
        ("Il CAFFÈ della moka", "caffe", ["CAFFÈ"]),
        ("敏感肌防晒霜怎么选", "防晒霜", ["防晒霜"]),
        ("防水又防晒，晒不黑", "防晒", ["防晒"]),
        ("晒不黑", "晒", ["晒"]),
        ("SPF50防晒 💄", "防晒 spf50 💄", ["SPF50防晒", "💄"]),
        ("<b>tea</b> & tea", "tea", ["tea", "tea"]),
        ("nothing of it", "tea", []),
    ],
)
def test_what_was_searched_for_is_marked_where_it_stands(
    text: str, query: str, marks: list[str]
) -> None:
    found = snippets.marked(text, frozenset(terms(tokenise(query))))

    assert [found.text[a:b] for a, b in found.marks] == marks


def test_a_snippet_shows_the_piece_with_most_of_what_was_searched_for() -> None:
    body = "tea " + "filler " * 60 + "green tea from the hills " + "filler " * 60

    found = snippets.snippet(body, frozenset(terms(tokenise("green tea"))))

    assert found.text.startswith("…")
    assert found.text.endswith("…")
    assert [found.text[a:b] for a, b in found.marks] == ["green", "tea"]
    assert len(found.text) == snippets.WIDTH + 2
    assert snippets.snippet("short", frozenset()).text == "short"


@given(st.text(max_size=400), st.text(min_size=1, max_size=30))
def test_marks_lie_in_order_within_their_text(body: str, query: str) -> None:
    found = snippets.snippet(body, frozenset(terms(tokenise(query))))

    flat = [place for mark in found.marks for place in mark]
    assert flat == sorted(set(flat))
    assert all(0 <= place <= len(found.text) for place in flat)


@pytest.mark.django_db
def test_every_page_of_an_answer_is_highlighted(author: User, api: ApiClient) -> None:
    for n in range(2):
        NoteFactory.create(author=author, title="Green tea", body=f"tea {n}", published_at=AGO)

    first = api.get("/search/notes?q=TEAS&page_size=1").json()
    second = api.get(first["next"].partition("/api/v1")[2]).json()

    for page in (first, second):
        [row] = page["results"]
        assert row["highlights"]["title"] == {"text": "Green tea", "marks": [[6, 9]]}
        assert row["highlights"]["snippet"]["marks"] == [[0, 3]]
    assert "highlights" not in api.get("/feed").json()["results"][0]
