"""What attribution makes of an arm, by the very rules of the shop, beside what is true of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import numpy as np
from scipy.stats import spearmanr

from redshop.conversion.engines.dialects import Dialect, said_in
from redshop.conversion.rules import TOUCHES, VIEW_HOURS, shares
from redshop.conversion.types import MARKOV, AttributionModel
from redshop.simulation.arrays import state
from redshop.simulation.arrays.arm import Arm
from redshop.simulation.arrays.draws import Purpose, uniforms
from redshop.simulation.arrays.removal import effects
from redshop.simulation.arrays.truth import Truth
from redshop.simulation.types import Bools, Floats, Ints

#: The first midnight, as the rules read moments; any would do.
_BEGIN: Final = "TIMESTAMPTZ '2026-01-01 00:00:00+00'"
#: What was done with a note that was opened, how many seconds later.
_DEEDS: Final = (
    ("note_open", 0, 0),
    ("like", state.LIKE, 10),
    ("save", state.SAVE, 11),
    ("comment", state.COMMENT, 12),
    ("share", state.SHARE, 13),
    ("product_view", state.VIEW, 20),
    ("read", state.READ, 25),
    ("cart_add", state.CART, 30),
)
_EVENTS: Final = f"""
CREATE TABLE events_event AS
SELECT CAST('00000000-0000-7000-8000-' || lpad(CAST(row_number() OVER (
           ORDER BY person_id, day, note_id, seconds) AS VARCHAR), 12, '0') AS UUID) AS id,
       kind, {_BEGIN} + to_microseconds(CAST(round((day * 86400 + seconds) * 1000000) AS BIGINT))
           AS occurred_at,
       person_id, CAST(NULL AS UUID) AS visitor_id, note_id, 'explore' AS surface, '' AS suspicion
FROM (SELECT DISTINCT kind, seconds, person_id, note_id, day FROM happened)
"""  # noqa: S608 - constants
_CONVERSIONS: Final = f"""
CREATE TABLE conversions AS
SELECT line_id, person_id, product_id, moment AS converted_at,
       moment - {{days}} * INTERVAL '24 hours' AS clicks_since,
       moment - INTERVAL '{VIEW_HOURS} hours' AS views_since,
       amount_minor, CAST({{days}} AS BIGINT) AS window_days
FROM (SELECT *, {_BEGIN} + to_microseconds(CAST(round(day * 86400000000) AS BIGINT)) AS moment
      FROM lines)
"""  # noqa: S608 - constants
_NOTES: Final = f"""
CREATE TABLE notes_producttag AS
SELECT note_id, product_id, {_BEGIN} - INTERVAL '365 days' AS valid_from,
       CAST(NULL AS TIMESTAMPTZ) AS valid_until FROM tagged;
CREATE TABLE notes_note AS
SELECT note_id AS id, author_id, 'user' AS origin, FALSE AS is_sponsored, 'none' AS ai_use
FROM tagged;
CREATE TABLE events_identity (visitor_id UUID, person_id BIGINT);
CREATE TABLE given_back (line_id BIGINT, refund_id UUID, refunded_at TIMESTAMPTZ,
                         amount_minor BIGINT)
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a model of attribution does: shares of money, and a rank correlation over notes."""

    model: str
    window_days: int
    bias: float  #: what it credits notes with, over what they brought, less one
    rank_correlation: float  #: Spearman's, over the notes that have either
    misplaced: float  #: share of its credit that should lie with other notes
    anyway: float  #: share of its credit that is for sales which would have happened anyway


def judge(arm: Arm, truth: Truth, windows: Sequence[int]) -> list[Judgement]:
    """Let every model credit the sales of an arm, and compare it with the truth."""
    orders = arm.sales.orders
    seen = _known(arm)
    if not len(orders) or not seen.any():
        return []
    found = []
    with duckdb.connect() as database:
        database.execute("SET timezone = 'UTC'; SET threads = 1")
        _bring(database, arm, seen)
        for days in windows:
            database.execute("DROP TABLE IF EXISTS conversions")
            database.execute(_CONVERSIONS.format(days=days))
            database.execute("DROP TABLE IF EXISTS path")
            database.execute(f"CREATE TABLE path AS {said_in(Dialect.DUCKDB, TOUCHES)}")
            divided = said_in(Dialect.DUCKDB, shares())
            rows = database.execute(
                f"SELECT model, line_id, note_id, amount_minor FROM ({divided}) AS answer"  # noqa: S608 - constants
                " ORDER BY model, line_id, note_id, amount_minor"
            ).fetchnumpy()
            judged = _Judged(arm, truth, seen, days)
            found += [judged.of(*each) for each in _credits(rows)]
            if len(rows["line_id"]):
                found.append(judged.by_removal(rows, effects(database, arm, days)))
    return found


def _known(arm: Arm) -> Bools:
    """Tell which sales the shop knows of: of those made elsewhere, a sample comes back."""
    orders = arm.sales.orders
    if arm.told.text("purchase.channel") != "link_out":
        return np.ones(len(orders), dtype=np.bool_)
    name = (orders.carted.astype(np.int64) << 42) + (orders.product << 28) + orders.person
    drawn = uniforms(seed=arm.world.seed, purpose=Purpose.SAMPLE, step=0, persons=name)
    return drawn < arm.told.number("link_out.returned_sample_share")


def _bring(database: duckdb.DuckDBPyConnection, arm: Arm, seen: Bools) -> None:
    orders = arm.sales.orders
    whose = np.repeat(orders.person, np.diff(orders.path.ends))
    parts: list[dict[str, Any]] = []
    for kind, bit, seconds in _DEEDS:
        did = orders.deeds & bit > 0 if bit else np.ones(len(whose), dtype=np.bool_)
        parts.append(
            {
                "kind": np.full(int(did.sum()), kind, dtype=object),
                "seconds": np.full(int(did.sum()), seconds, dtype=np.int64),
                "person_id": whose[did],
                "note_id": orders.path.notes[did],
                "day": orders.path.values[did],
            }
        )
    happened = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    there = np.unique(orders.path.notes)
    tagged = {
        "note_id": there,
        "product_id": arm.notes.product[there],
        "author_id": arm.notes.author[there],
    }
    lines = {
        "line_id": np.flatnonzero(seen),
        "person_id": orders.person[seen],
        "product_id": orders.product[seen],
        "day": orders.paid[seen],
        "amount_minor": orders.amount_minor[seen].astype(np.int64),
    }
    for name, columns in (("happened", happened), ("tagged", tagged), ("told_lines", lines)):
        database.register(f"given_{name}", columns)
    database.execute("CREATE TABLE happened AS SELECT * FROM given_happened")
    database.execute("CREATE TABLE tagged AS SELECT * FROM given_tagged")
    database.execute("CREATE TABLE lines AS SELECT * FROM given_told_lines")
    database.execute(_EVENTS)
    database.execute(_NOTES)


def _credits(rows: Mapping[str, Any]) -> Iterator[tuple[str, Ints, Ints, Floats]]:
    """Yield each model with the lines, notes and amounts of its credits."""
    model_of = np.asarray(rows["model"])
    line, note, amount = (np.asarray(rows[key]) for key in ("line_id", "note_id", "amount_minor"))
    for model in AttributionModel:
        mine = model_of == model.value
        if mine.any():
            yield (
                model.value,
                line[mine].astype(np.int64),
                note[mine].astype(np.int64),
                amount[mine].astype(np.float64),
            )


class _Judged:
    """Credits of an arm, beside what is true of it."""

    def __init__(self, arm: Arm, truth: Truth, seen: Bools, days: int) -> None:
        self._size, self._days = len(arm.notes.author), days
        self._true = truth.by_note(arm.sales.orders.amount_minor, self._size)
        self._anyway = truth.baseline / truth.chance
        self._scale = len(seen) / float(seen.sum())

    def of(self, model: str, lines: Ints, notes: Ints, amounts: Floats) -> Judgement:
        """Judge a model that credits the notes of each line."""
        credit = np.bincount(notes, amounts * self._scale, self._size).astype(np.float64)
        return self._judgement(model, credit, lines, amounts)

    def by_removal(self, rows: Mapping[str, Any], effects: Floats) -> Judgement:
        """Judge the chain: what touches led to, divided in proportion to what is missed."""
        _, lines, _, amounts = next(each for each in _credits(rows) if each[0] == "linear")
        credit = amounts.sum() * self._scale * effects / max(effects.sum(), 1e-9)
        return self._judgement(MARKOV, credit, lines, amounts)

    def _judgement(self, model: str, credit: Floats, lines: Ints, amounts: Floats) -> Judgement:
        true = self._true
        apart = credit / max(credit.sum(), 1e-9) - true / max(true.sum(), 1e-9)
        return Judgement(
            model=model,
            window_days=self._days,
            bias=_ratio(credit.sum(), true.sum()) - 1.0,
            rank_correlation=_rank_correlation(credit, true),
            misplaced=0.5 * float(np.abs(apart).sum()),
            anyway=_ratio(float((amounts * self._anyway[lines]).sum()), float(amounts.sum())),
        )


def _rank_correlation(credit: Floats, true: Floats) -> float:
    there = (credit > 0) | (true > 0)
    if there.sum() < 3 or np.ptp(credit[there]) == 0 or np.ptp(true[there]) == 0:
        return float("nan")
    return float(spearmanr(credit[there], true[there]).statistic)


def _ratio(of: float, over: float) -> float:
    return float(of) / float(over) if over else float("nan")
