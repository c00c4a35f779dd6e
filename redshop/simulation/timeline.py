"""When, inside a visit, each thing happens: glances become rows for the log and deeds to do.

Rows have the shape of the ``POST /events`` body; deeds are what only the server may state.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np

from redshop.core.ids import uuid7
from redshop.simulation.agenda import Agenda
from redshop.simulation.behaviour.engagement import ACTIONS
from redshop.simulation.glance import Glances
from redshop.simulation.types import Floats
from redshop.simulation.visits import Visit

#: Seconds that a glance, opening a note, each action, a product page and leaving take (assumed).
SCAN: Final = 1.2
TO_OPEN: Final = 0.6
ACT: Final = 1.5
PRODUCT_PAGE: Final = 8.0
TURN: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Where the notes of a visit's request stood."""

    visit: Visit
    request_id: UUID
    surface: str


def row(kind: str, *, at: datetime, **fields: Any) -> dict[str, Any]:
    """Return one event as a client sends it."""
    return {"id": str(uuid7(at)), "kind": kind, "occurred_at": at.isoformat(), **fields}


def durations(glances: Glances) -> Floats:
    """Return the seconds that each impression takes until the next one comes."""
    acts = np.sum([glances.actions[action] for action in ACTIONS], axis=0)
    inside = TO_OPEN + glances.dwell_ms / 1_000 + ACT * (acts + 1)
    return np.asarray(SCAN + glances.opened * (inside + glances.viewed * PRODUCT_PAGE))


def unroll(
    glances: Glances,
    shown: Sequence[Shown],
    *,
    note_id_of: Callable[[int], int],
    product_id_of: Callable[[int], int],
    agenda: Agenda,
) -> None:
    """Write every glance into its visit's rows, plan its deeds, and move the visit's clock."""
    writer = _Writer(glances, note_id_of, product_id_of, agenda)
    seconds = durations(glances).tolist()
    opened, positions = glances.opened.tolist(), glances.position.tolist()
    notes = glances.note.tolist()
    for place, screen in enumerate(glances.screen.tolist()):
        here = shown[screen]
        visit = here.visit
        common = {
            "surface": here.surface,
            "request_id": str(here.request_id),
            "note_id": note_id_of(notes[place]),
            "position": positions[place],
        }
        visit.rows.append(row("impression", at=visit.clock, **common))
        if opened[place]:
            writer.inside(place, here, common)
        elif glances.hidden[place]:
            writer.deed(place, here, "hide", visit.clock + timedelta(seconds=SCAN / 2))
        visit.clock += timedelta(milliseconds=round(seconds[place] * 1_000))


def turn(shown: Sequence[Shown]) -> None:
    """Let everybody be done with their screens and go on to the next, or leave."""
    for here in shown:
        here.visit.clock += timedelta(seconds=TURN)
        here.visit.done += 1


class _Writer:
    """Writes what happens after a note was opened."""

    def __init__(
        self,
        glances: Glances,
        note_id_of: Callable[[int], int],
        product_id_of: Callable[[int], int],
        agenda: Agenda,
    ) -> None:
        self._glances = glances
        self._note_id_of = note_id_of
        self._product_id_of = product_id_of
        self._agenda = agenda

    def inside(self, place: int, here: Shown, common: dict[str, Any]) -> None:
        """Write the open, the read, what is done with the note, and the product that is seen."""
        glances, rows = self._glances, here.visit.rows
        dwell = round(float(glances.dwell_ms[place]))
        at = here.visit.clock + timedelta(seconds=TO_OPEN)
        rows.append(row("note_open", at=at, **common))
        at += timedelta(milliseconds=dwell)
        completion = round(float(glances.completion[place]), 4)
        rows.append(row("read", at=at, **common, dwell_ms=dwell, completion=completion))
        for action in ACTIONS:
            if glances.actions[action][place]:
                at += timedelta(seconds=ACT)
                self.deed(place, here, action, at)
        if glances.viewed[place]:
            at += timedelta(seconds=ACT)
            self._shop(place, here, common, at)

    def deed(self, place: int, here: Shown, kind: str, at: datetime, **more: Any) -> None:
        """Plan something that the server will state."""
        self._agenda.plan(
            at,
            kind,
            person=here.visit.person,
            note=int(self._glances.note[place]),
            surface=here.surface,
            request=str(here.request_id),
            **more,
        )

    def _shop(self, place: int, here: Shown, common: dict[str, Any], at: datetime) -> None:
        product = int(self._glances.product[place])
        product_id = self._product_id_of(product)
        here.visit.rows.append(row("product_view", at=at, **common, product_id=product_id))
        if self._glances.carted[place]:
            self.deed(
                place,
                here,
                "cart",
                at + timedelta(seconds=PRODUCT_PAGE / 2),
                product=product,
                pays=bool(self._glances.pays[place]),
                **{name: self._glances.draw(name, place) for name in ("sku", "quantity", "delay")},
            )
