"""Trials: every chance is written down before it holds, and what came of it is counted."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction

from notes.discovery import alternatives
from notes.discovery.types import Viewer
from notes.models import Alternative
from redshop.catalog.factories import BrandMemberFactory
from redshop.studio import thompson
from redshop.studio.errors import NothingToTry, TrialStateForbids
from redshop.studio.factories import (
    AllocationFactory,
    BriefFactory,
    ManifestFactory,
    PublishedDraftFactory,
    WritingJobFactory,
)
from redshop.studio.models import Allocation, Brief, Draft, Trial
from redshop.studio.selectors import lineage
from redshop.studio.selectors import trials as found
from redshop.studio.services import briefs, learning, trials
from tests.conversion import world
from tests.conversion.world import DAY, HOUR, NOW

pytestmark = pytest.mark.django_db

BODIES = {"statement": "Linen, explained", "question": "Who is it for?"}


@pytest.fixture
def brief() -> Brief:
    """A brief whose two published variants differ in how their titles begin."""
    member = BrandMemberFactory.create()
    product = world.product(made_by=member.brand)
    made: Brief = BriefFactory.create(product=product, author=member.user)
    job = WritingJobFactory.create(brief=made)
    for title in BODIES.values():
        note = world.note(product, author=member.user)
        PublishedDraftFactory.create(job=job, brief=made, title=title, body="B", note=note)
    return made


def start(brief: Brief, **rest: Any) -> Trial:
    return trials.start(brief_id=brief.pk, started_by_id=brief.author_id, at=NOW, **rest)


def watch(trial: Trial, *, at: datetime, people: int, rates: dict[int, float]) -> None:
    """Let visitors be shown what they are offered, some of whom open it."""
    group = next(each for each in alternatives.groups() if each.name == trial.group)
    notes = {draft.note_id: draft.note for draft in Draft.objects.filter(brief=trial.brief_id)}
    shown: dict[int, int] = {}
    for _ in range(people):
        visitor = uuid4()
        note_id = group.offered_to(Viewer(visitor_id=visitor))
        world.event("impression", at, visitor, notes[note_id])
        shown[note_id] = shown.get(note_id, 0) + 1
        if shown[note_id] * rates[note_id] >= 1 and shown[note_id] % round(1 / rates[note_id]) == 0:
            world.event("note_open", at + timedelta(minutes=1), visitor, notes[note_id])


def test_it_begins_evenly_and_then_offers_the_better_more(brief: Brief) -> None:
    trial = start(brief)
    one, other = Draft.objects.filter(brief=brief).order_by("pk")
    assert list(Allocation.objects.values_list("epoch", flat=True)) == [1, 1]
    assert [row.propensity for row in Allocation.objects.all()] == pytest.approx(
        [0.5] * 2, abs=0.02
    )
    assert one.note_id is not None
    assert other.note_id is not None

    watch(trial, at=NOW + HOUR, people=120, rates={one.note_id: 0.1, other.note_id: 0.5})
    assert trials.step_due(at=NOW + HOUR) == 0  # the epoch is not over
    assert trials.step_due(at=NOW + 6 * HOUR) == 1

    first = {row.draft_id: row for row in Allocation.objects.filter(epoch=1)}
    assert first[one.pk].people + first[other.pk].people == 120
    assert first[other.pk].successes > first[one.pk].successes > 0
    assert {row.until for row in first.values()} == {NOW + 6 * HOUR}
    second = Allocation.objects.get(epoch=2, draft=other)
    assert second.propensity > 0.9
    assert (second.alpha, second.beta) == (
        1 + first[other.pk].successes,
        1 + first[other.pk].people - first[other.pk].successes,
    )
    assert Alternative.objects.get(note=other.note_id).propensity == second.propensity
    assert Allocation.objects.get(epoch=2, draft=one).propensity >= thompson.FLOOR / 2


def test_only_what_explore_showed_counts_and_suspicious_deeds_do_not(brief: Brief) -> None:
    trial = start(brief)
    draft = Draft.objects.filter(brief=brief).order_by("pk")[0]
    for surface, suspicion in (("search", ""), ("explore", "burst"), ("explore", "")):
        visitor = uuid4()
        world.event(
            "impression", NOW + HOUR, visitor, draft.note, surface=surface, suspicion=suspicion
        )
        world.event("note_open", NOW + HOUR, visitor, draft.note, suspicion=suspicion)
    trials.step(trial_id=trial.pk, at=NOW + 6 * HOUR)

    row = Allocation.objects.get(epoch=1, draft=draft)
    assert (row.people, row.successes) == (1, 1)


def test_what_is_reported_late_is_counted_until_nothing_can_be(brief: Brief) -> None:
    trial = start(brief)
    draft = Draft.objects.filter(brief=brief).order_by("pk")[0]
    trials.step(trial_id=trial.pk, at=NOW + 6 * HOUR)
    world.event("impression", NOW + HOUR, uuid4(), draft.note)  # arrives now

    trials.step_due(at=NOW + 12 * HOUR)  # the next epoch is weighed with it
    row = Allocation.objects.get(epoch=1, draft=draft)
    assert (row.people, row.is_final) == (1, False)
    assert Allocation.objects.get(epoch=3, draft=draft).beta == 2.0
    trials.step_due(at=NOW + 31 * DAY)
    row.refresh_from_db()
    assert row.is_final
    assert list(trials.compare().differences) == []
    Allocation.objects.filter(pk=row.pk).update(people=7)
    assert [said[:14] for said in trials.compare().differences] == [f"trial {trial.pk}, epoch"]


def test_what_was_taken_down_leaves_and_what_is_new_joins(brief: Brief) -> None:
    trial = start(brief)
    gone = Draft.objects.filter(brief=brief).order_by("pk")[0]
    new = PublishedDraftFactory.create(
        job=gone.job, brief=brief, note=world.note(brief.product, author=brief.author)
    )
    assert gone.note is not None
    gone.note.state = "taken_down"
    gone.note.save()
    trials.step(trial_id=trial.pk, at=NOW + 6 * HOUR)

    assert set(Allocation.objects.filter(epoch=2).values_list("draft", flat=True)) == {
        new.pk,
        *Draft.objects.filter(brief=brief)
        .exclude(pk__in=[gone.pk, new.pk])
        .values_list("pk", flat=True),
    }


def test_with_one_variant_left_it_stops(brief: Brief) -> None:
    trial = start(brief)
    gone = Draft.objects.filter(brief=brief).order_by("pk")[0]
    assert gone.note is not None
    gone.note.state = "taken_down"
    gone.note.save()
    trials.step(trial_id=trial.pk, at=NOW + 6 * HOUR)

    trial.refresh_from_db()
    assert trial.stopped_at == NOW + 6 * HOUR
    assert not Alternative.objects.exists()


def test_one_at_a_time_of_two_variants_at_least(brief: Brief) -> None:
    start(brief)
    with pytest.raises(TrialStateForbids):
        start(brief)
    with pytest.raises(NothingToTry):
        start(BriefFactory.create())
    assert Trial.objects.count() == 1

    trials.stop(trial_id=Trial.objects.get().pk, at=NOW + HOUR)
    with pytest.raises(TrialStateForbids):
        trials.stop(trial_id=Trial.objects.get().pk, at=NOW + HOUR)
    assert not Alternative.objects.exists()


def test_a_logged_chance_cannot_be_changed() -> None:
    row = AllocationFactory.create()
    with pytest.raises(DatabaseError), transaction.atomic():
        Allocation.objects.filter(pk=row.pk).update(propensity=0.9)
    with pytest.raises(DatabaseError), transaction.atomic():
        row.delete()
    Allocation.objects.filter(pk=row.pk).update(people=3)


def test_the_effect_goes_into_the_next_brief(brief: Brief) -> None:
    trial = start(brief)
    one, other = Draft.objects.filter(brief=brief).order_by("pk")
    Allocation.objects.filter(draft=one).update(people=2_000, successes=200, until=NOW + HOUR)
    Allocation.objects.filter(draft=other).update(people=2_000, successes=300, until=NOW + HOUR)
    assert [each.draft_id for each in found.estimates(trial)] == [other.pk, one.pk]

    next_one = briefs.open_brief(
        product_id=brief.product_id,
        author_id=brief.author_id,
        opened_by_id=brief.author_id,
        at=NOW,
        language="en",
    )
    assert [(x["attribute"], x["level"], x["against"]) for x in next_one.lessons] == [
        ("hook", "question", "statement")
    ]
    lesson = next_one.lessons[0]
    assert lesson["low"] > 1 and lesson["ratio"] == pytest.approx(1.5)  # noqa: PT018 - one fact
    from redshop.studio.writers import grammar

    assert grammar.plans(briefs.assignment_of(next_one))[0]["hook"] == "question"


def test_what_could_be_chance_is_no_lesson(brief: Brief) -> None:
    start(brief)
    one, other = Draft.objects.filter(brief=brief).order_by("pk")
    Allocation.objects.filter(draft=one).update(people=100, successes=10, until=NOW + HOUR)
    Allocation.objects.filter(draft=other).update(people=100, successes=12, until=NOW + HOUR)

    assert learning.lessons_for(brand_id=brief.brand_id, population="real", at=NOW) == []


def test_the_lineage_leads_to_the_orders(brief: Brief) -> None:
    start(brief)
    draft = Draft.objects.filter(brief=brief).order_by("pk")[0]
    buyer = world.person()
    world.event("impression", NOW - HOUR, buyer, draft.note)
    world.event("note_open", NOW - HOUR, buyer, draft.note)
    world.event("product_view", NOW - HOUR, buyer, draft.note, of=brief.product)
    bought = world.order(buyer, (brief.product, 2_500), at=NOW, quantity=2)
    world.attribute(bought)
    world.refund(bought)
    world.attribute(bought)

    told = lineage.lineage(brief)
    strand = told.strands[0]
    assert (strand.impressions, strand.opens, strand.orders_count) == (1, 1, 1)
    assert [str(money) for money in strand.gross] == ["50.00 CNY"]
    assert [str(money) for money in strand.net] == ["25.00 CNY"]
    assert [order.number for order in strand.orders] == [bought.number]
    assert (told.strands[1].orders_count, told.kind) == (0, "measured")
    assert told.trials[0].epoch == 1

    exported = told.as_json()
    assert exported["strands"][0]["net"] == [{"amount_minor": 2_500, "currency": "CNY"}]
    assert told.as_rows()[0]["net"] == "25.00 CNY"
    ManifestFactory.create(note=draft.note, document={"title": "Sealed"}, seal="s")
    sealed = lineage.lineage(brief).as_json()["strands"][0]["manifest"]
    assert sealed == {"document": {"title": "Sealed"}, "seal": "s"}
