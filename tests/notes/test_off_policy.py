"""What other policies would have earned: estimated from logs whose truth is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4
from zlib import crc32

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from notes.discovery import choosing, feed, shown
from notes.discovery.learning import off_policy, outcomes
from notes.discovery.learning.off_policy import Decisions
from notes.discovery.ranking.arrays import Floats
from notes.discovery.ranking.pool import Signals
from notes.discovery.types import Viewer
from notes.errors import NothingToGoBy
from notes.factories import LearnedModelFactory, NoteFactory, RankingPolicyFactory
from notes.models import FeedSnapshot, LearnedModel, RankingPolicy
from notes.services import learning
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import User
from redshop.events.factories import EventFactory
from tests.notes import logs
from tests.notes.policies import make_default
from tests.notes.policies import policy as kept_policy

OPENS: Final = {"open": 1.0}
TARGET: Final = logs.policy("target", interest=0.2, engagement=3.0, exploration=0.1)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def truly(signals: Signals) -> Floats:
    return logs.chances(signals)["open"]


def roughly(signals: Signals) -> Floats:
    """A model that errs."""
    return 0.5 * truly(signals) + 0.05


def nothing(signals: Signals) -> Floats:
    return np.zeros(len(signals["age_hours"]))


def decided(seeds: range, *, model: shown.Model = nothing, **rest: object) -> Decisions:
    answers = [logs.answered(seed) for seed in seeds]
    told = {"policy": TARGET, "worth": OPENS, "predict": None, "model": model, **rest}
    return shown.decisions(answers, **told)  # type: ignore[arg-type]


def test_the_intervals_cover_the_truth_in_ninety_of_a_hundred_runs() -> None:
    truth = float(decided(range(1_000_000, 1_003_000), model=truly).predicted_target.mean())
    covered = {"ips": 0, "snips": 0, "dr": 0}
    widths = {"ips": 0.0, "snips": 0.0, "dr": 0.0}
    for run in range(100):
        found = off_policy.estimates(decided(range(run * 1_000, run * 1_000 + 150), model=roughly))
        for name, each in found.items():
            covered[name] += each.low <= truth <= each.high
            widths[name] += (each.high - each.low) / 100

    print(f"covered {covered}, mean widths {widths}, truth {truth:.4f}")
    assert min(covered.values()) >= 90
    assert widths["dr"] < widths["ips"]


def test_what_is_estimated_is_not_what_was_shown() -> None:
    """The two policies differ by more than the estimate errs, or the test above says nothing."""
    seeds = range(2_000_000, 2_002_000)
    other = decided(seeds, model=truly)
    own = decided(seeds, model=truly, policy=logs.LOGGING)

    assert abs(other.predicted_target.mean() - own.outcome.mean()) > 0.01
    assert np.allclose(own.logged, own.target)
    assert off_policy.effective_size(own) == pytest.approx(len(own.logged))
    assert off_policy.effective_size(other) < len(other.logged) / 2


def test_the_propensities_of_a_place_are_those_of_what_was_at_choice_there() -> None:
    answer = logs.answered(7)
    ledger = answer.ledger

    for place, there in enumerate(shown.at_choice(ledger)):
        share = 0.3 if len(there) > 1 else 0.0
        is_best = there[0] == place
        expected = share / len(there) + (1 - share if is_best else 0.0)
        assert ledger.chance["propensity"][place] == pytest.approx(expected)
        assert place in there


def test_what_could_not_have_been_shown_cannot_be_weighed() -> None:
    found = decided(range(3))
    without = replace(found, logged=found.logged * 0)

    with pytest.raises(ValueError, match="propensity"):
        off_policy.estimates(without)


def test_decisions_of_several_sets_keep_their_answers_apart() -> None:
    parts = [decided(range(3)), decided(range(10, 12))]

    both = off_policy.joined(parts)

    assert len(both.logged) == sum(len(part.logged) for part in parts)
    assert len(np.unique(both.clusters)) == 5


@pytest.mark.django_db
def test_what_is_learned_beats_every_formula_beyond_doubt() -> None:
    """On held-out simulated logs, with the interval of each difference clear of zero."""
    known = [logs.answered(seed) for seed in range(2_000)]
    held_out = [logs.answered(seed) for seed in range(10_000_000, 10_002_000)]
    rows = [choosing.as_policy(row) for row in RankingPolicy.objects.order_by("pk")]
    learned = next(row for row in rows if row.is_learned)
    formulas = [row for row in rows if not row.is_learned]

    heads = outcomes.learn(*shown.examples(known))
    judged = learning.judge(held_out, heads=heads, learned=learned, formulas=formulas)

    print({label: f"{e.value:.4f} ({e.low:.4f} to {e.high:.4f})" for label, e in judged.items()})
    assert len(judged) == len(formulas) == 6
    assert all(each.low > 0 for each in judged.values())
    true, said = logs.chances(known[0].ledger.signals), heads.predict(known[0].ledger.signals)
    assert np.corrcoef(true["open"], said["open"])[0, 1] > 0.8
    again = outcomes.Heads.from_json(heads.as_json()).predict(known[0].ledger.signals)
    assert np.allclose(again["buy"], said["buy"])


def test_a_place_at_the_top_is_no_merit() -> None:
    """Where only the place decides what is opened, no note is better than another."""
    rng = np.random.default_rng(3)
    signals = {name: np.tile(values, 200) for name, values in logs.signals_of(rng).items()}
    positions = rng.integers(0, 20, 200 * logs.NOTES).astype(float)
    opened = (rng.random(len(positions)) < 0.5 / (1.0 + positions)).astype(float)

    heads = outcomes.learn(signals, positions, dict.fromkeys(outcomes.OUTCOMES, opened))

    said = heads.predict(logs.signals_of(rng))["open"]
    assert said.mean() == pytest.approx(0.5, abs=0.12)
    assert heads.as_json()["open"]["position"] < -0.5


# -- from the log itself -----------------------------------------------------------------------


@pytest.fixture
def looking(db: None) -> dict[UUID, User]:
    """Two people, one of either half, who were shown feeds in which chance had a part.

    They looked at eight notes of each of three, and opened the first. By the feed's id, who.
    """
    make_default("ces_folk_v4")
    for n in range(12):
        NoteFactory.create(published_at=NOW - timedelta(hours=n + 3))
    people = UserFactory.create_batch(12)
    halves = [next(p for p in people if crc32(str(p.pk).encode()) % 2 == n) for n in (0, 1)]
    requests = {}
    for n in range(6):
        at, reader = NOW - timedelta(hours=2) + timedelta(minutes=n), halves[n % 2]
        page = feed.explore(viewer=Viewer(reader.pk), at=at, limit=8)
        requests[page.request_id] = reader
        for item in page.items:
            happened(reader, item.note_id, "impression", at, page.request_id)
        happened(reader, page.note_ids[0], "note_open", at, page.request_id)
    return requests


def happened(
    who: User, note_id: int, kind: str, at: datetime, request_id: UUID | None, **rest: object
) -> None:
    EventFactory.create(
        id=uuid4(), kind=kind, person_id=who.pk, note_id=note_id, request_id=request_id,
        surface="explore", occurred_at=at, **rest,
    )  # fmt: skip


def test_what_was_seen_is_read_back_with_what_came_of_it(looking: dict[UUID, User]) -> None:
    request_id, reader = next(iter(looking.items()))
    ledger = FeedSnapshot.objects.get(pk=request_id).ledger
    bought, returned = ledger["note_ids"][1], ledger["note_ids"][2]
    later = NOW - timedelta(hours=1)
    for note_id in (bought, returned):
        happened(reader, note_id, "cart_add", later, None)
        happened(reader, note_id, "order_paid", later, None, amount_minor=500, currency="CNY")
    happened(reader, returned, "order_refunded", later, None, amount_minor=500, currency="CNY")
    happened(reader, ledger["note_ids"][3], "like", NOW - timedelta(days=3), None)  # before

    found = {each.request_id: each for each in shown.load(since=NOW - timedelta(days=1), at=NOW)}

    assert set(found) == set(looking)
    first = found[request_id]
    by_note = {
        first.ledger.note_ids[place]: {name: column[n] for name, column in first.outcomes.items()}
        for n, place in enumerate(first.places)
    }
    assert len(by_note) == 8
    assert by_note[ledger["note_ids"][0]]["open"] == 1
    assert by_note[bought] == {"open": 0, "engage": 0, "want": 1, "buy": 1}
    assert by_note[returned] == {"open": 0, "engage": 0, "want": 1, "buy": 0}
    assert by_note[ledger["note_ids"][3]]["engage"] == 0


@pytest.mark.usefixtures("looking")
def test_a_policy_is_evaluated_from_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    found = learning.evaluate(policy=kept_policy("endless_push_v1"), at=NOW)
    own = learning.evaluate(policy=kept_policy("ces_folk_v4"), at=NOW)

    assert (found.answers, found.places) == (6, 48)
    assert found.logged["open"] == pytest.approx(6 / 48)
    assert own.estimates["open"]["ips"].value == pytest.approx(6 / 48)
    assert own.effective == pytest.approx(48)
    assert found.effective < 48

    call_command("evaluate_policy", "endless_push_v1", "--days", "36500")
    assert "endless_push_v1, from 48 places in 6 answers" in capsys.readouterr().out


@pytest.mark.django_db
def test_what_cannot_be_evaluated_is_said() -> None:
    with pytest.raises(CommandError, match="no policy"):
        call_command("evaluate_policy", "nothing_v9")
    with pytest.raises(CommandError, match="learned model"):
        call_command("evaluate_policy", "learned_v1")
    with pytest.raises(NothingToGoBy):
        learning.evaluate(policy=kept_policy(), at=NOW)


@pytest.mark.usefixtures("looking")
def test_too_little_teaches_nothing() -> None:
    assert learning.learn(at=NOW) is None
    assert not LearnedModel.objects.exists()


@pytest.mark.django_db
def test_a_learned_policy_ranks_only_where_its_model_earned_its_place() -> None:
    learned = kept_policy("learned_v1")
    assert choosing.usable(learned).label == "ces_folk_v4"
    LearnedModelFactory.create(is_used=True, learned_at=NOW)
    assert choosing.usable(learned).label == "learned_v1"
    LearnedModelFactory.create(is_used=False, learned_at=NOW + timedelta(days=1))
    assert choosing.usable(learned).label == "ces_folk_v4"
    make_default("ces_product_note_v1")
    assert choosing.usable(learned).label == "ces_product_note_v1"
    make_default("learned_v1")  # never the counter-example
    assert choosing.usable(learned).label == "ces_folk_v4"
    RankingPolicyFactory.create(name="ces_folk", version=9)
    assert choosing.usable(learned).label == "ces_folk_v9"


@pytest.mark.django_db
def test_a_learned_policy_s_scores_are_its_predictions() -> None:
    heads = outcomes.learn(*shown.examples([logs.answered(seed) for seed in range(300)]))
    LearnedModelFactory.create(is_used=True, heads=heads.as_json(), learned_at=NOW)
    make_default("learned_v1")
    NoteFactory.create(published_at=NOW - timedelta(hours=1))

    page = feed.explore(viewer=Viewer(), at=NOW)

    assert page.policy == "learned_v1"
    kept = FeedSnapshot.objects.get(pk=page.request_id).ledger
    assert {"open", "engage", "want", "buy"} <= set(kept["weights"])
    assert 0 < page.items[0].score < 7
