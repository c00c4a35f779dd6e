"""The notes of the simulated world and what is latent in them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from redshop.simulation.behaviour.engagement import MEDIAN_DWELL
from redshop.simulation.types import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One note: its row's id, who wrote it, what it shows, and how good it is."""

    id: int
    author: int
    shelf: int
    products: tuple[int, ...]
    language: int
    type: str
    quality: float
    trust: float
    is_paid: bool  #: and readers are told so


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The cards as arrays; places are the notes' indices everywhere in the simulation."""

    author: Ints
    shelf: Ints
    language: Ints
    quality: Floats
    trust: Floats
    is_paid: Bools
    median_dwell: Floats


class Library:
    """All notes, in the order of their publication, with the likes they have had."""

    def __init__(self, cards: Sequence[Card] = (), likes: Sequence[int] = ()) -> None:
        self.cards: list[Card] = []
        self.likes: list[int] = []
        self._place: dict[int, int] = {}
        self._columns: Columns | None = None
        for card in cards:
            self.add(card)
        self.likes[: len(likes)] = likes

    def __len__(self) -> int:
        return len(self.cards)

    def add(self, card: Card) -> int:
        """Add a note; return its index."""
        self._place[card.id] = len(self.cards)
        self.cards.append(card)
        self.likes.append(0)
        self._columns = None
        return len(self.cards) - 1

    def place_of(self, note_id: int) -> int | None:
        """Return the index of a note, or None where it belongs to another world."""
        return self._place.get(note_id)

    @property
    def columns(self) -> Columns:
        """The cards as arrays."""
        if self._columns is None:
            self._columns = Columns(
                author=np.array([card.author for card in self.cards]),
                shelf=np.array([card.shelf for card in self.cards]),
                language=np.array([card.language for card in self.cards]),
                quality=np.array([card.quality for card in self.cards]),
                trust=np.array([card.trust for card in self.cards]),
                is_paid=np.array([card.is_paid for card in self.cards]),
                median_dwell=np.array([MEDIAN_DWELL[card.type] for card in self.cards]),
            )
        return self._columns

    def as_json(self) -> dict[str, Any]:
        """Return everything that is needed to go on later."""
        return {"cards": [asdict(card) for card in self.cards], "likes": self.likes}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Library":
        """Return the library that ``as_json`` described."""
        cards = [
            Card(**{**card, "products": tuple(card["products"])}) for card in document["cards"]
        ]
        return cls(cards, document["likes"])
