"""The exposure pool and its ledger, what is popular, and the report of who is seen."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from notes.discovery import exposure_report, feed
from notes.discovery.types import Viewer
from notes.factories import LargeCreatorFactory, NoteFactory, TopicFactory
from notes.models import Chart, ExposureGrant, LargeCreator, Note, NoteCounts
from notes.services import charts, exposure
from redshop.accounts.factories import FollowFactory, PreferenceFactory, UserFactory
from redshop.accounts.models import User
from redshop.catalog.factories import BrandFactory
from redshop.events.factories import EventFactory
from tests.notes.policies import make_default, policy

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def happened(note: Note, kind: str, count: int, at: datetime = NOW, **rest: Any) -> None:
    for _ in range(count):
        told = {"person_id": None, "visitor_id": uuid4(), **rest}
        EventFactory.create(kind=kind, note_id=note.pk, occurred_at=at, **told)


def grants(note: Note) -> list[tuple[int, int, str]]:
    rows = ExposureGrant.objects.filter(note_id=note.pk).order_by("stage")
    return [(row.stage, row.granted, row.outcome) for row in rows]


@pytest.fixture(autouse=True)
def small_grants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grant ten impressions at first, so that a test can show them all."""
    monkeypatch.setattr(exposure, "FIRST_GRANT", 10)


def test_new_notes_are_let_into_the_pool_once_and_paid_ones_never() -> None:
    new = NoteFactory.create(published_at=NOW - timedelta(days=1))
    old = NoteFactory.create(published_at=NOW - timedelta(days=8))
    paid = NoteFactory.create(
        published_at=NOW - timedelta(days=1),
        is_sponsored=True,
        disclosure="ad",
        brand=BrandFactory.create(),
    )
    draft = NoteFactory.create(state="draft")

    for _ in range(2):
        exposure.share(at=NOW)

    assert grants(new) == [(1, 10, "running")]
    assert [grants(note) for note in (old, paid, draft)] == [[], [], []]


def test_what_is_opened_as_often_as_others_goes_on_and_what_is_not_stops() -> None:
    loved, ignored, large = (
        NoteFactory.create(author=UserFactory.create(), published_at=NOW - timedelta(days=1))
        for _ in range(3)
    )
    LargeCreatorFactory.create(author_id=large.author_id)
    exposure.share(at=NOW - timedelta(hours=1))
    for note, opens in ((loved, 6), (ignored, 0), (large, 6)):
        happened(note, "impression", 12)
        happened(note, "note_open", opens)
    happened(ignored, "note_open", 9, at=NOW - timedelta(hours=2))  # before it was granted
    happened(ignored, "note_open", 9, suspicion="burst")

    assert exposure.share(at=NOW) == 3

    assert grants(loved) == [(1, 10, "goes_on"), (2, 30, "running")]
    assert grants(ignored) == [(1, 10, "stopped")]
    assert grants(large) == [(1, 10, "found")]
    row = ExposureGrant.objects.get(note_id=ignored.pk)
    assert (row.impressions, row.opens) == (12, 0)
    assert row.usual_rate == pytest.approx(12 / 36)
    assert row.reason == "0 people opened it at 12 impressions; 33.3% is usual for new notes."
    assert row.decided_at == NOW


def test_a_note_is_given_places_for_two_weeks_and_three_stages_at_most() -> None:
    late, gone, last = (NoteFactory.create(published_at=NOW - timedelta(days=1)) for _ in range(3))
    exposure.share(at=NOW)
    ExposureGrant.objects.filter(note_id=last.pk).update(stage=3)
    happened(last, "impression", 12, at=NOW + timedelta(hours=1))
    Note.objects.filter(pk=gone.pk).update(state="taken_down")

    exposure.share(at=NOW + timedelta(days=13))

    assert [grants(note)[0][2] for note in (late, gone, last)] == ["expired", "gone", "found"]
    assert len(ExposureGrant.objects.all()) == 3


def test_the_interval_is_wilsons() -> None:
    assert exposure.at_most(0, 100) == pytest.approx(0.0370, abs=1e-4)
    assert exposure.at_most(50, 100) == pytest.approx(0.5962, abs=1e-3)
    assert exposure.at_most(10, 10) == pytest.approx(1.0)


def test_who_has_a_thousand_followers_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposure, "LARGE", 2)
    large, small = UserFactory.create_batch(2)
    for _ in range(2):
        FollowFactory.create(followed=large)
    FollowFactory.create(followed=small)

    assert exposure.count_large_creators(at=NOW) == 1
    assert LargeCreator.objects.get().author_id == large.pk
    monkeypatch.setattr(exposure, "LARGE", 3)
    assert exposure.count_large_creators(at=NOW + timedelta(hours=1)) == 0


def test_half_of_every_beginning_is_by_small_creators(reader: User) -> None:
    make_default("ces_folk_v4")
    star = UserFactory.create_batch(6)
    for author in star:
        LargeCreatorFactory.create(author_id=author.pk)
        for n in range(3):
            NoteFactory.create(author=author, published_at=NOW - timedelta(minutes=n + 1))
    for n in range(12):
        NoteFactory.create(author=UserFactory.create(), published_at=NOW - timedelta(days=5 + n))
    even = policy("ces_folk_v4", exploration=0.0)

    page = feed.explore_many(viewers=[Viewer(reader.pk)], at=NOW, limit=20, policy=even)[0]
    without = feed.explore_many(
        viewers=[Viewer(reader.pk)], at=NOW, limit=20, policy=policy("ces_folk_v4", exploration=0.0,
                                                                    small_share=0.0)
    )[0]  # fmt: skip

    authors = dict(Note.objects.values_list("pk", "author_id"))
    large = {author.pk for author in star}
    is_small = [authors[note_id] not in large for note_id in page.note_ids]
    for place in range(1, 21):
        assert sum(is_small[:place]) >= place // 2
    assert sum(authors[note_id] not in large for note_id in without.note_ids[:10]) < 5


def test_a_note_of_the_pool_is_offered_and_says_so(reader: User) -> None:
    make_default("ces_folk_v4")
    fresh = [NoteFactory.create(published_at=NOW - timedelta(hours=n + 1)) for n in range(2)]
    waiting = NoteFactory.create(published_at=NOW - timedelta(days=6))
    ExposureGrant.objects.create(
        note_id=waiting.pk, granted=10, is_small_creator=True, granted_at=NOW
    )
    few = policy("ces_folk_v4", fresh=2, exploration=0.0)

    def offered() -> dict[int, str]:
        page = feed.explore_many(viewers=[Viewer(reader.pk)], at=NOW, limit=9, policy=few)[0]
        return {item.note_id: item.source for item in page.items}

    assert offered() == {waiting.pk: "newcomer", **{note.pk: "fresh" for note in fresh}}
    ExposureGrant.objects.update(impressions=10)
    assert waiting.pk not in offered()


def test_charts_hold_what_people_lately_interacted_with(reader: User) -> None:
    tea = TopicFactory.create(slug="tea")
    loved, liked, stale = (
        NoteFactory.create(topics=[tea], published_at=NOW - timedelta(days=20)) for _ in range(3)
    )
    for note, count in ((loved, 3), (liked, 2)):
        NoteCounts.objects.filter(note=note).update(likes=count)
        happened(note, "like", count, at=NOW - timedelta(hours=1))
    happened(liked, "like", 9, at=NOW - timedelta(hours=1), suspicion="burst")
    happened(stale, "save", 5, at=NOW - timedelta(days=4))

    assert charts.count(at=NOW) == 2

    assert Chart.objects.get(topic=None).note_ids == [loved.pk, liked.pk]
    chart = Chart.objects.get(topic=tea)
    assert (chart.note_ids, chart.people) == ([loved.pk, liked.pk], [3, 2])
    PreferenceFactory.create(user=reader, topics={"tea": "increase"})
    few = policy("ces_folk_v4", fresh=1, by_topic=0, exploration=0.0)
    page = feed.explore_many(viewers=[Viewer(reader.pk)], at=NOW, limit=9, policy=few)[0]
    reasons = {item.note_id: [reason.text for reason in item.reasons] for item in page.items}
    assert "Many people who read about #tea are reading it" in reasons[loved.pk]
    assert "It is among the most liked, saved and discussed of late" in reasons[loved.pk]


# -- the report --------------------------------------------------------------------------------


def test_the_report_says_who_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposure_report, "FIRST", 3)
    since = NOW - timedelta(days=7)
    star, small = UserFactory.create_batch(2)
    LargeCreatorFactory.create(author_id=star.pk)
    famous = NoteFactory.create(author=star, published_at=since - timedelta(days=2))
    fast = NoteFactory.create(author=small, published_at=NOW - timedelta(hours=20))
    NoteFactory.create(author=small, published_at=NOW - timedelta(hours=10))  # seen by nobody
    paid = NoteFactory.create(
        published_at=since, is_sponsored=True, disclosure="ad", brand=BrandFactory.create()
    )
    for note, count in ((famous, 5), (fast, 3), (paid, 50)):
        for n in range(count):
            happened(note, "impression", 1, at=NOW - timedelta(hours=18 - n))

    found = exposure_report.report(since=since, until=NOW)

    assert (found.impressions, found.notes, found.creators) == (8, 3, 2)
    assert found.small_share == pytest.approx(3 / 8)
    assert found.small_notes == pytest.approx(2 / 3)
    assert found.gini_notes == pytest.approx(exposure_report.gini(np.array([5.0, 3.0, 0.0])))
    assert (found.small_wait.notes, found.small_wait.reached) == (2, 1)
    assert found.small_wait.median_hours == pytest.approx(4.0)
    assert found.large_wait == exposure_report.Wait(notes=0, reached=0, median_hours=None)


def test_nothing_seen_is_no_share() -> None:
    found = exposure_report.report(since=NOW - timedelta(days=7), until=NOW)

    assert (found.small_share, found.small_notes, found.gini_notes) == (None, None, 0.0)


def test_gini_is_none_for_equals_and_all_for_one() -> None:
    assert exposure_report.gini(np.ones(5)) == pytest.approx(0.0)
    assert exposure_report.gini(np.array([0.0, 0.0, 0.0, 8.0])) == pytest.approx(0.75)


def test_a_wait_that_was_not_watched_to_its_end_counts_while_it_was() -> None:
    hours = np.array([1.0, 2.0, 3.0, 4.0])

    assert exposure_report.median_wait(hours, np.array([True, True, True, True])) == 2.0
    assert exposure_report.median_wait(hours, np.array([False, True, True, True])) == 3.0
    assert exposure_report.median_wait(hours, np.array([True, False, False, False])) is None
    assert exposure_report.median_wait(np.empty(0), np.empty(0, dtype=bool)) is None
