"""Pages of ranked notes as JSON: what is the same for everybody is made once and kept for a while.

What changes often (counters) or differs by viewer is asked for each time, with what tells whether
what was kept still holds; a product's price or an author's name may be as old as
``CARD_CACHE_SECONDS``.
"""

import time
from collections.abc import Collection
from dataclasses import asdict
from typing import Any, Final

from django.conf import settings
from rest_framework.request import Request

from notes import selectors
from notes.api.serializers import NoteSerializer
from notes.discovery.search import snippets
from notes.discovery.types import RankedItem, RankedPage
from notes.types import Standing
from redshop.accounts.api.people import viewer_id

#: So many notes are kept at most; those made first go first.
MOST: Final = 8_000
#: By note and host: when it was made, of which version it is, and what it says.
_kept: dict[tuple[int, str], tuple[float, tuple[Any, ...], dict[str, Any]]] = {}


def forget() -> None:
    """Make every card anew when it is next asked for."""
    _kept.clear()


def ranked(request: Request, page: RankedPage, *, follow: str | None) -> dict[str, Any]:
    """Return a page as JSON; a note that vanished since it was ranked is left out."""
    known = standings_and_cards(request, page.note_ids)
    return {
        "request_id": str(page.request_id),
        "policy": page.policy,
        "personalised": page.is_personalised,
        **({"corrected_query": page.corrected_query} if page.corrected_query else {}),
        "results": [
            _result(item, *known[item.note_id], page.terms)
            for item in page.items
            if item.note_id in known
        ],
        "next": follow,
        "caught_up": page.caught_up,
    }


def standings_and_cards(
    request: Request, note_ids: Collection[int]
) -> dict[int, tuple[Standing, dict[str, Any]]]:
    """Return how each readable note stands, and what its card says to everybody."""
    standings = selectors.standings(note_ids=note_ids, viewer_id=viewer_id(request))
    host, now = request.get_host(), time.monotonic()
    found: dict[int, dict[str, Any]] = {}
    for note_id, standing in standings.items():
        made_at, version, card = _kept.get((note_id, host), (-1e9, (), {}))
        if now - made_at < settings.CARD_CACHE_SECONDS and version == standing.version:
            found[note_id] = card
    missing = standings.keys() - found.keys()
    if missing:
        found |= _made(request, missing, {pk: standings[pk].version for pk in missing}, now)
    return {pk: (standing, found[pk]) for pk, standing in standings.items() if pk in found}


def _made(
    request: Request, note_ids: Collection[int], versions: dict[int, tuple[Any, ...]], now: float
) -> dict[int, dict[str, Any]]:
    cards = selectors.cards(note_ids=note_ids, viewer_id=viewer_id(request))
    rows: Any = list(cards.values())
    shown = NoteSerializer(rows, many=True, context={"request": request}).data
    found: dict[int, dict[str, Any]] = {}
    for said in shown:
        card = {name: value for name, value in said.items() if name not in {"counts", "viewer"}}
        found[said["id"]] = card
        _kept[said["id"], request.get_host()] = (now, versions[said["id"]], card)
    while len(_kept) > MOST:
        _kept.pop(next(iter(_kept)))
    return found


def _result(
    item: RankedItem, standing: Standing, card: dict[str, Any], terms: frozenset[str]
) -> dict[str, Any]:
    return {
        "position": item.position,
        "note": {**card, "counts": asdict(standing.counts), "viewer": asdict(standing.viewer)},
        "reasons": [{"code": reason.code, "text": reason.text} for reason in item.reasons],
        **_highlighted(card, terms),
    }


def _highlighted(card: dict[str, Any], terms: frozenset[str]) -> dict[str, Any]:
    """Return where a note has the words of a search; nothing where there was none."""
    if not terms:
        return {}
    title, body = snippets.marked(card["title"], terms), snippets.snippet(card["body"], terms)
    return {"highlights": {"title": asdict(title), "snippet": asdict(body)}}
