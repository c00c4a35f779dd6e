"""The definitions once more, in plain Python: everything is walked, nothing is clever."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor
from uuid import UUID


@dataclass(frozen=True)
class Act:
    """An event, by whoever turned out to have done it, about one product."""

    id: UUID
    at: datetime
    step: str
    actor: str
    product: int
    surface: str


def starts(
    act: Act, acts: Sequence[Act], steps: Sequence[str], optional: frozenset[str]
) -> Iterator[Act]:
    """Yield the first act of every chain that leads to this act, whatever the window."""
    place = steps.index(act.step)
    if place == 0:
        yield act
        return
    for before in range(place - 1, -1, -1):
        for earlier in acts:
            if earlier.step == steps[before] and earlier.at <= act.at:
                yield from starts(earlier, acts, steps, optional)
        if steps[before] not in optional:
            return


def funnel(
    acts: Sequence[Act],
    *,
    steps: Sequence[str],
    optional: frozenset[str],
    window: timedelta,
    since: datetime,
    until: datetime,
) -> dict[str, list[int]]:
    """Return, by surface of the start, how many people reached each step."""
    reached: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for pair in {(act.actor, act.product) for act in acts}:
        mine = [act for act in acts if (act.actor, act.product) == pair and act.step in steps]
        for act in mine:
            latest = max(
                starts(act, mine, steps, optional),
                key=lambda start: (start.at, start.id),
                default=None,
            )
            if latest and act.at - latest.at <= window and since <= latest.at < until:
                reached[latest.surface][act.step].add(act.actor)
    return {surface: [len(by_step[step]) for step in steps] for surface, by_step in reached.items()}


CLICKS = {"note_open", "read", "like", "save", "comment", "share", "product_view", "cart_add"}


@dataclass(frozen=True)
class Seen:
    """An event on a note, by whoever turned out to have done it, and whether the note showed
    the product at that moment."""

    id: UUID
    at: datetime
    kind: str
    is_buyer: bool
    shows_product: bool


def path(
    events: Sequence[Seen], *, paid_at: datetime, lookback: timedelta, most: int
) -> tuple[list[UUID], int]:
    """Return the ids of the touches that count, oldest first, and how many were cut."""
    mine = [e for e in events if e.is_buyer and e.shows_product and e.at <= paid_at]
    clicks = [e for e in mine if e.kind in CLICKS and paid_at - e.at <= lookback]
    views = [e for e in mine if e.kind == "impression" and paid_at - e.at <= timedelta(hours=24)]
    touches = sorted(clicks or views, key=lambda e: (e.at, e.id))
    kept = touches[-most:]
    return [e.id for e in kept], len(touches) - len(kept)


WHOLE = 1_000_000_000


def weights(
    model: str, touches: Sequence[tuple[datetime, int]], *, paid_at: datetime, window_days: int
) -> list[int]:
    """Return what each touch (its moment and note, oldest first) has of a sale, in billionths."""
    count = len(touches)
    if count == 0:
        return []
    if model == "shapley":
        return shapley([note for _, note in touches])
    pulls = {
        "first_touch": [1] + [0] * (count - 1),
        "last_touch": [0] * (count - 1) + [1],
        "linear": [1] * count,
        "position": [1] * count
        if count < 3
        else [2 * (count - 2)] + [1] * (count - 2) + [2 * (count - 2)],
        "time_decay": [
            # halves go up, as SQL does it; Python's round would take 976562.5 to the even one
            floor(WHOLE * 0.5 ** ((paid_at - at) / max(timedelta(days=window_days) / 4, DAY)) + 0.5)
            for at, _ in touches
        ],
    }[model]
    return hand_out(WHOLE, pulls)


DAY = timedelta(days=1)
MODELS = ("first_touch", "last_touch", "linear", "time_decay", "position", "shapley")


def shapley(notes: Sequence[int]) -> list[int]:
    """Give every note the same, in the order in which they came, and its touches the same of it."""
    distinct = list(dict.fromkeys(notes))
    of_note = dict(zip(distinct, hand_out(WHOLE, [1] * len(distinct)), strict=True))
    parts = {note: iter(hand_out(of_note[note], [1] * notes.count(note))) for note in distinct}
    return [next(parts[note]) for note in notes]


def money(
    amount: int, by: Sequence[int], refunds: Sequence[tuple[datetime, UUID, int]]
) -> list[tuple[UUID | None, list[int]]]:
    """Return the parts of a sale, then those of each refund, in their order, as what they take."""
    if not by:
        return []
    holds = hand_out(amount, by)
    entries: list[tuple[UUID | None, list[int]]] = [(None, list(holds))]
    for _, refund_id, back in refunds:
        takes = list(holds) if back == sum(holds) else hand_out(back, by)
        holds = [has - take for has, take in zip(holds, takes, strict=True)]
        entries.append((refund_id, [-take for take in takes]))
    return entries


def hand_out(amount: int, by: Sequence[int]) -> list[int]:
    """Hand out units one by one: whole ones by quota, the rest to whoever lacks most of one."""
    total = sum(by)
    parts = [amount * each // total for each in by]
    for _ in range(amount - sum(parts)):
        lacks = [amount * each - part * total for each, part in zip(by, parts, strict=True)]
        parts[lacks.index(max(lacks))] += 1
    return parts
