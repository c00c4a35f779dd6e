"""What crosses the boundaries of notes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from redshop.accounts.models import User
from redshop.catalog.models import Media
from redshop.core.money import Money


class NoteChanges(TypedDict, total=False):
    """What an author may change; what is absent stays."""

    type: str
    title: str
    body: str
    media_ids: Sequence[int]
    topic_slugs: Sequence[str]
    product_ids: Sequence[int]
    earns_commission: bool
    disclosure: str
    ai_use: str


@dataclass(frozen=True, slots=True)
class ShownProduct:
    """A product that a note shows now."""

    id: int
    name: str
    price: Money | None
    external_url: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a note comes from, for whoever wants to know whom to believe."""

    origin: str
    sponsored: bool
    paid_by: str
    ai: str
    verified_purchase: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """How often people did something with a note."""

    likes: int
    saves: int
    comments: int
    shares: int


@dataclass(frozen=True, slots=True)
class ViewerStanding:
    """What the one who looks did before."""

    liked: bool
    saved: bool
    following_author: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a note changes often or differs from viewer to viewer, and which version it is of."""

    counts: Counts
    viewer: ViewerStanding
    version: tuple[Any, ...]  #: differs once its text or its labels changed


@dataclass(frozen=True, slots=True)
class NoteCard:
    """A note as one viewer sees it."""

    id: int
    type: str
    state: str
    title: str
    body: str
    media: Sequence[Media]
    topics: Sequence[str]
    products: Sequence[ShownProduct]
    author: User
    published_at: datetime | None
    provenance: Provenance
    disclosure: str
    counts: Counts
    viewer: ViewerStanding
