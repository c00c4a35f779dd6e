"""How the company misbehaves: switches, each off unless somebody turns it on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

LONGEST_MS: Final = 600_000
MOST_COPIES: Final = 50

_CHOICES: Final[Mapping[str, frozenset[str]]] = {
    "webhooks": frozenset({"on", "off"}),
    "webhook_order": frozenset({"in_order", "reversed", "shuffled"}),
    "service": frozenset({"up", "failing", "unreachable"}),
    "refunds": frozenset({"at_once", "later", "failing"}),
}


class BehaviourRefused(ValueError):
    """There is no such switch, or it has no such position; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """The positions of all switches.

    ``webhook_order``: ``reversed`` holds the first webhook of each charge back until the later
    ones are out, ``shuffled`` each for a random time; both for at most ``webhook_spread_ms``.
    ``settle_later_ms``: every charge that would succeed is pending for so long; zero: only those
    of asynchronous cards, for a second. ``late_success_ms``: what was declined or cancelled
    succeeds after all, so long afterwards; zero: never.
    """

    webhooks: str = "on"
    webhook_delay_ms: int = 0
    webhook_copies: int = 1
    webhook_order: str = "in_order"
    webhook_spread_ms: int = 1_000
    is_webhook_first: bool = False
    answer_delay_ms: int = 0
    is_answer_cut: bool = False
    service: str = "up"
    settle_later_ms: int = 0
    late_success_ms: int = 0
    refunds: str = "at_once"

    def changed(self, wanted: Any) -> "Behaviour":
        """Return the behaviour with some switches in other positions.

        Raises:
            BehaviourRefused: one of them cannot be.
        """
        if not isinstance(wanted, dict):
            raise BehaviourRefused("behaviour is an object of switches")
        kinds = {each.name: type(getattr(self, each.name)) for each in fields(self)}
        for name, position in wanted.items():
            if name not in kinds:
                raise BehaviourRefused(f"there is no switch named {name[:40]!r}")
            if type(position) is not kinds[name] or not _is_possible(name, position):
                raise BehaviourRefused(f"{name} cannot be {str(position)[:40]!r}")
        return replace(self, **wanted)

    def shown(self) -> dict[str, Any]:
        """Return the positions by name."""
        return asdict(self)


def _is_possible(name: str, position: str | int | bool) -> bool:  # noqa: FBT001 - a position
    if name in _CHOICES:
        return position in _CHOICES[name]
    if name == "webhook_copies":
        return 1 <= int(position) <= MOST_COPIES
    return 0 <= int(position) <= LONGEST_MS
