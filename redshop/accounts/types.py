"""What crosses the boundary of accounts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from redshop.accounts.models import AccessToken, User


@dataclass(frozen=True, slots=True)
class Preferences:
    """How a person wants to be served: whether personally, and a dial by topic slug."""

    is_personalised: bool = True
    topics: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """What a person said about one purpose, and when."""

    value: bool
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """How many follow a person, whom they follow, and how many notes they published."""

    followers: int
    following: int
    notes: int


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A device that has just been let in; ``secret`` is the token, shown this once."""

    user: User
    token: AccessToken
    secret: str
