"""From a brief to orders: what was written, who edited and let it out, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from redshop.conversion.selectors.rows import rows_of
from redshop.core.money import Money
from redshop.studio.models import Brief, Draft, Manifest, Revision, WritingJob
from redshop.studio.selectors import trials
from redshop.studio.types import Lesson

VERSION: Final = 1
MODEL: Final = "last_touch"
#: So many orders of a note are named; all are summed.
MOST_ORDERS: Final = 50

_REACH: Final = """
SELECT note_id, count(*) FILTER (WHERE kind = 'impression') AS impressions,
       count(*) FILTER (WHERE kind = 'note_open') AS opens
FROM events_event
WHERE note_id = ANY(%(note_ids)s) AND kind IN ('impression', 'note_open') AND suspicion = ''
GROUP BY note_id
"""
#: What a model credits each note with, order by order, the last first.
_ORDERS: Final = """
SELECT credit.note_id, orders_order.number, orders_order.paid_at, credit.currency,
       coalesce(sum(credit.amount_minor) FILTER (WHERE credit.refund_id IS NULL), 0)::bigint
           AS gross_minor,
       coalesce(sum(credit.amount_minor), 0)::bigint AS net_minor
FROM conversion_credit AS credit
JOIN orders_orderline AS line ON line.id = credit.line_id
JOIN orders_order ON orders_order.id = line.order_id
WHERE credit.note_id = ANY(%(note_ids)s) AND credit.model = %(model)s
GROUP BY credit.note_id, orders_order.id, orders_order.number, orders_order.paid_at,
         credit.currency
HAVING sum(credit.amount_minor) FILTER (WHERE credit.refund_id IS NULL) <> 0
ORDER BY orders_order.paid_at DESC, orders_order.number
"""


@dataclass(frozen=True, slots=True)
class OrderLed:
    """An order that a note led to, or a part of it."""

    number: str
    paid_at: datetime
    gross: Money
    net: Money


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody changed what a draft says; ``by`` is empty where it was the writer."""

    number: int
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Strand:
    """One draft, from the prompt to the orders."""

    draft_id: int
    title: str
    segment: str
    state: str
    writer: str
    model: str
    prompt_hash: str
    attributes: Mapping[str, str]
    steps: tuple[Step, ...]
    approved_by: str
    approved_at: datetime | None
    note_id: int | None
    published_at: datetime | None
    manifest: Mapping[str, Any] | None  #: with its seal, once it is published
    impressions: int
    opens: int
    orders_count: int
    gross: tuple[Money, ...]
    net: tuple[Money, ...]
    orders: tuple[OrderLed, ...]


@dataclass(frozen=True, slots=True)
class TrialShown:
    """A trial of the brief and what it found so far."""

    id: int
    reward: str
    started_at: datetime
    stopped_at: datetime | None
    epoch: int
    estimates: tuple[trials.Estimate, ...]


@dataclass(frozen=True, slots=True)
class Lineage:
    """A brief with all that came of it."""

    brief_id: int
    brand: str
    product: str
    opened_by: str
    opened_at: datetime
    language: str
    tone: str
    audience: str
    claims: tuple[str, ...]
    lessons: tuple[Lesson, ...]
    strands: tuple[Strand, ...]
    trials: tuple[TrialShown, ...]
    kind: str
    model: str = MODEL

    def as_json(self) -> dict[str, Any]:
        """Return it as it is exported."""
        told: dict[str, Any] = _plain(asdict(self))
        return {"definition": "studio.lineage", "version": VERSION, **told}

    def as_rows(self) -> list[dict[str, Any]]:
        """Return one row a draft, for a table."""
        return [
            {
                "brief": self.brief_id,
                "draft": each.draft_id,
                "title": each.title,
                "segment": each.segment,
                "state": each.state,
                "writer": each.writer,
                "model": each.model,
                "prompt_sha256": each.prompt_hash,
                "edits": sum(1 for step in each.steps if step.by),
                "approved_by": each.approved_by,
                "note": each.note_id,
                "published_at": each.published_at.isoformat() if each.published_at else "",
                "impressions": each.impressions,
                "opens": each.opens,
                "orders": each.orders_count,
                "gross": "; ".join(map(str, each.gross)),
                "net": "; ".join(map(str, each.net)),
                "kind": self.kind,
                **{f"attribute_{name}": level for name, level in sorted(each.attributes.items())},
            }
            for each in self.strands
        ]


def lineage(brief: Brief) -> Lineage:
    """Return what came of a brief up to now; credits are those of ``MODEL``, net of refunds."""
    drafts = list(
        Draft.objects.filter(brief=brief)
        .select_related("job", "approved_by", "note")
        .order_by("pk")
    )
    note_ids = [draft.note_id for draft in drafts if draft.note_id is not None]
    values = {"note_ids": note_ids, "model": MODEL}
    reach = {row["note_id"]: row for row in rows_of(_REACH, values)} if note_ids else {}
    orders: dict[int, list[dict[str, Any]]] = {}
    for row in rows_of(_ORDERS, values) if note_ids else ():
        orders.setdefault(row["note_id"], []).append(row)
    steps = _steps(drafts)
    sealed = {
        made.note_id: {"document": made.document, "seal": made.seal}
        for made in Manifest.objects.filter(note__in=note_ids)
    }
    return Lineage(
        brief_id=brief.pk,
        brand=brief.brand.name,
        product=brief.product.name,
        opened_by=brief.opened_by.handle,
        opened_at=brief.opened_at,
        language=brief.language,
        tone=brief.tone,
        audience=brief.audience,
        claims=tuple(brief.claims),
        lessons=tuple(brief.lessons),
        strands=tuple(
            _strand(
                draft,
                steps.get(draft.pk, ()),
                reach.get(draft.note_id or 0, {}),
                orders.get(draft.note_id or 0, ()),
                manifest=sealed.get(draft.note_id or 0),
            )
            for draft in drafts
        ),
        trials=tuple(_trials(brief)),
        kind="simulated" if brief.author.population != "real" else "measured",
    )


def unwritten(brief: Brief) -> list[WritingJob]:
    """Return the requests of a brief that brought nothing yet, the last first."""
    return list(brief.jobs.exclude(state="done").order_by("-pk"))


def _steps(drafts: Sequence[Draft]) -> dict[int, tuple[Step, ...]]:
    found: dict[int, tuple[Step, ...]] = {}
    rows = Revision.objects.filter(draft__in=drafts).select_related("editor")
    for row in rows.order_by("draft", "number"):
        by = row.editor.handle if row.editor else ""
        found[row.draft_id] = (*found.get(row.draft_id, ()), Step(row.number, by, row.at))
    return found


def _strand(
    draft: Draft,
    steps: Sequence[Step],
    reach: Mapping[str, Any],
    orders: Sequence[Mapping[str, Any]],
    *,
    manifest: Mapping[str, Any] | None,
) -> Strand:
    return Strand(
        draft_id=draft.pk,
        title=draft.title,
        segment=draft.segment,
        state=draft.state,
        writer=draft.job.writer,
        model=draft.job.model,
        prompt_hash=draft.job.prompt_hash,
        attributes=draft.attributes,
        steps=tuple(steps),
        approved_by=draft.approved_by.handle if draft.approved_by else "",
        approved_at=draft.approved_at,
        note_id=draft.note_id,
        published_at=draft.published_at,
        manifest=manifest,
        impressions=reach.get("impressions", 0),
        opens=reach.get("opens", 0),
        orders_count=len({row["number"] for row in orders}),
        gross=_summed(orders, "gross_minor"),
        net=_summed(orders, "net_minor"),
        orders=tuple(
            OrderLed(
                row["number"],
                row["paid_at"],
                Money(row["gross_minor"], row["currency"]),
                Money(row["net_minor"], row["currency"]),
            )
            for row in orders[:MOST_ORDERS]
        ),
    )


def _summed(orders: Sequence[Mapping[str, Any]], name: str) -> tuple[Money, ...]:
    sums: dict[str, int] = {}
    for row in orders:
        sums[row["currency"]] = sums.get(row["currency"], 0) + row[name]
    return tuple(Money(amount, currency) for currency, amount in sorted(sums.items()))


def _trials(brief: Brief) -> list[TrialShown]:
    return [
        TrialShown(
            trial.pk,
            trial.get_reward_display(),
            trial.started_at,
            trial.stopped_at,
            trial.epoch,
            tuple(trials.estimates(trial)),
        )
        for trial in brief.trials.order_by("pk")
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
