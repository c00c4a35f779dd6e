"""What people did about some subjects: found by index where they are named, else by the days.

An act is about its product, or about every product that its note showed at the time; a creator is
stood for by any act on a note of theirs, whatever it shows.
"""

from enum import StrEnum
from typing import Final


class Subject(StrEnum):
    """What stands side by side."""

    AUTHOR = "author"
    PRODUCT = "product"
    BRAND = "brand"


_ACT: Final = """
    SELECT event.id, event.kind, event.occurred_at, event.completion, event.dwell_ms,
           event.note_id, event.product_id,
           coalesce(coalesce(event.person_id, events_identity.person_id)::text,
                    event.visitor_id::text) AS actor
    FROM events_event AS event
    LEFT JOIN events_identity ON event.person_id IS NULL
                             AND events_identity.visitor_id = event.visitor_id
    WHERE event.kind = ANY(%(kinds)s)
      AND event.occurred_at >= %(since)s AND event.occurred_at < %(until)s
      AND event.population = ANY(%(populations)s) AND event.suspicion = ''"""
_ACTS_OF_AUTHORS: Final = f"""{_ACT}
      AND event.note_id IN (SELECT id FROM notes_note WHERE author_id = ANY(%(keys)s))"""  # noqa: S608 - constants
_ACTS_OF_SHELF: Final = f"""{_ACT}
      AND event.product_id IN (SELECT id FROM catalog_product WHERE {{named}})
    UNION ALL{_ACT}
      AND event.product_id IS NULL
      AND event.note_id IN (
          SELECT notes_producttag.note_id FROM notes_producttag
          JOIN catalog_product ON catalog_product.id = notes_producttag.product_id
          WHERE {{named}})"""  # noqa: S608 - constants
_ACTS_OF: Final = {
    None: _ACT,
    Subject.AUTHOR: _ACTS_OF_AUTHORS,
    Subject.PRODUCT: _ACTS_OF_SHELF.format(named="catalog_product.id = ANY(%(keys)s)"),
    Subject.BRAND: _ACTS_OF_SHELF.format(named="catalog_product.brand_id = ANY(%(keys)s)"),
}
_ABOUT: Final = """
about AS (
    SELECT acts.* FROM acts WHERE acts.product_id IS NOT NULL
    UNION ALL
    SELECT acts.id, acts.kind, acts.occurred_at, acts.completion, acts.dwell_ms, acts.note_id,
           notes_producttag.product_id, acts.actor
    FROM acts
    {join} JOIN notes_producttag
      ON notes_producttag.note_id = acts.note_id
     AND notes_producttag.valid_from <= acts.occurred_at
     AND (notes_producttag.valid_until IS NULL OR notes_producttag.valid_until > acts.occurred_at)
    WHERE acts.product_id IS NULL
)"""
_ACTS_ALONE: Final = "about AS (SELECT * FROM acts)"


def acts_about(
    of: Subject | None, *, by_product: bool = True, with_productless: bool = False
) -> str:
    """Return the relations ``acts`` and ``about``: acts, each as often as it is about a product.

    Parameters: ``kinds``, ``since``, ``until``, ``populations``; and ``keys``, those of the
    subjects that acts are looked for ``of``, None for all acts. ``with_productless`` keeps acts
    about no product at all; without ``by_product`` each act is there once, whatever it shows.
    """
    about = _ABOUT.format(join="LEFT" if with_productless else "") if by_product else _ACTS_ALONE
    return f"acts AS ({_ACTS_OF[of]}\n),{about}"
