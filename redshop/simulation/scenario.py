"""Scenarios: what a simulated world deviates in from the calibration, and which arms it compares.

Each is a TOML file in ``scenarios/``; one may be read from anywhere else. Whatever it does not say
is as ``knobs`` has it.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from redshop.simulation.errors import ScenarioInvalid
from redshop.simulation.knobs import KNOBS, Value

FOLDER: Final = Path(__file__).with_name("scenarios")
#: The arm of a scenario that compares nothing.
ALONE: Final = "base"
LARGEST_SEED: Final = 2**32 - 1
_ABOUT: Final = ("name", "version", "question", "against", "metric", "arms", "windows")
#: Days of lookback that attribution is judged with.
WINDOWS: Final = (1, 7, 15, 30)


@dataclass(frozen=True, slots=True)
class Settings:
    """Every knob with its value in one arm."""

    values: Mapping[str, Value]

    def number(self, key: str) -> float:
        """Return a number by its dotted key."""
        return float(self.values[key])

    def whole(self, key: str) -> int:
        """Return a whole number by its dotted key."""
        return int(self.values[key])

    def text(self, key: str) -> str:
        """Return a word by its dotted key."""
        return str(self.values[key])

    def says(self, key: str) -> bool:
        """Return a switch by its dotted key."""
        return bool(self.values[key])

    def with_values(self, values: Mapping[str, Value]) -> "Settings":
        """Return the settings with some values changed."""
        return Settings({**self.values, **values})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A question about a simulated world: what it is like, and the arms that are compared."""

    name: str
    version: int = 1
    question: str = ""
    told: Mapping[str, Value] = field(default_factory=dict)  #: what differs from the knobs
    arms: Mapping[str, Mapping[str, Value]] = field(default_factory=lambda: {ALONE: {}})
    against: str = ALONE  #: the arm that the others are compared with
    metric: str = "net_sales"  #: what decides
    windows: tuple[int, ...] = WINDOWS

    def settings(self, arm: str | None = None) -> Settings:
        """Return every knob as it is in an arm; the first one unless named."""
        chosen = self.arms[arm if arm is not None else next(iter(self.arms))]
        usual = {key: knob.default for key, knob in KNOBS.items()}
        return Settings({**usual, **self.told, **chosen})

    def with_told(self, told: Mapping[str, Value]) -> "Scenario":
        """Return the scenario with other numbers for all arms.

        Raises:
            ScenarioInvalid: a number is not known or out of its range.
        """
        problems = [*_problems_of("", told)]
        if problems:
            raise ScenarioInvalid(problems)
        return replace(self, told={**self.told, **told})

    @property
    def digest(self) -> str:
        """A digest of all that it says, calibration included."""
        said = {
            "name": self.name,
            "version": self.version,
            "arms": {arm: dict(sorted(self.settings(arm).values.items())) for arm in self.arms},
            "windows": self.windows,
        }
        return hashlib.blake2b(json.dumps(said).encode(), digest_size=8).hexdigest()

    def as_text(self) -> str:
        """Return all that it says, arms in their order, for ``restored``."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @property
    def exposures_thinned(self) -> int:
        """One exposure of this many is simulated; requests and sessions thin with it."""
        return self.settings().whole("attention.exposures_thinned")

    @property
    def product_view_factor(self) -> float:
        return self.settings().number("purchase.product_view_factor")

    @property
    def cart_factor(self) -> float:
        return self.settings().number("purchase.cart_factor")

    @property
    def paid_factor(self) -> float:
        return self.settings().number("purchase.paid_factor")

    @property
    def purchase_factor(self) -> float:
        """How many times more orders an opened note leads to than calibrated, all steps taken."""
        return self.product_view_factor * self.cart_factor * self.paid_factor

    @property
    def exposures_per_active_day(self) -> float:
        """Impressions that one person sees on a day on which they open the app."""
        usual = self.settings().number("population.exposures_per_active_day")
        return usual / self.exposures_thinned

    @property
    def declaration(self) -> str:
        """The deviations in one line, for every page and table that shows this population."""
        return (
            f"declared: exposures thinned 1:{self.exposures_thinned}, "
            f"purchase propensity ×{self.purchase_factor:g} (product views "
            f"×{self.product_view_factor:g}, carts ×{self.cart_factor:g}, "
            f"paid ×{self.paid_factor:g})"
        )


def parse(text: str) -> Scenario:
    """Read a scenario from TOML.

    Raises:
        ScenarioInvalid: it is no TOML, or says something that no scenario can; every problem is
            told at once, each with the place where it stands.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioInvalid([f"not TOML: {error}"]) from error
    told, arms = _flat(document, but=_ABOUT), document.get("arms", {ALONE: {}})
    problems = [*_problems_of("", told), *_problems_of_head(document, arms)]
    if isinstance(arms, dict):
        flat = {name: _flat(arm) for name, arm in arms.items() if isinstance(arm, dict)}
        for name, arm in flat.items():
            problems += _problems_of(f"arms.{name}.", arm)
    if problems:
        raise ScenarioInvalid(problems)
    return Scenario(
        name=document["name"],
        version=document.get("version", 1),
        question=document.get("question", ""),
        told=told,
        arms=flat,
        against=document.get("against", next(iter(flat))),
        metric=document.get("metric", "net_sales"),
        windows=tuple(document.get("windows", WINDOWS)),
    )


def renamed(text: str) -> str:
    """Return a scenario's text under a name that says that it is another."""
    return re.sub(r'^(name\s*=\s*")([^"]*)"', r'\1\2_2"', text, count=1, flags=re.MULTILINE)


def restored(text: str) -> Scenario:
    """Return the scenario that said so (``Scenario.as_text``)."""
    said: dict[str, Any] = json.loads(text)
    return Scenario(**{**said, "windows": tuple(said["windows"])})


def read(file: Path) -> Scenario:
    """Read a scenario from a file.

    Raises:
        ScenarioInvalid: there is no such file, or it is no scenario.
    """
    try:
        return parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioInvalid([f"{file} cannot be read: {error.strerror}"]) from error


@cache
def ready() -> Mapping[str, Scenario]:
    """Return the scenarios of the project by name."""
    return {file.stem: read(file) for file in sorted(FOLDER.glob("*.toml"))}


def find(name: str) -> Scenario:
    """Return a scenario of the project by its name, or one in a file by its path.

    Raises:
        ScenarioInvalid: there is none.
    """
    if name in ready():
        return ready()[name]
    if name.endswith(".toml"):
        return read(Path(name))
    raise ScenarioInvalid(
        [f"there is no scenario {name!r}; there are {', '.join(ready())}, or name a .toml file"]
    )


def _flat(document: Mapping[str, Any], *, but: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the entries of all sections by their dotted keys."""
    found: dict[str, Any] = {}
    for section, entries in document.items():
        if section in but:
            continue
        if not isinstance(entries, Mapping):
            found[section] = entries
            continue
        found |= {f"{section}.{name}": value for name, value in entries.items()}
    return found


def _problems_of(where: str, told: Mapping[str, object]) -> Iterator[str]:
    for key, value in told.items():
        knob = KNOBS.get(key)
        if knob is None:
            yield f"{where}{key} is not something that a scenario can say"
        elif problem := knob.problem_of(value):
            yield f"{where}{key} {problem}, not {value!r}"


def _problems_of_head(document: Mapping[str, Any], arms: object) -> Iterator[str]:
    if not isinstance(document.get("name"), str):
        yield "name must be a text"
    if not isinstance(document.get("version", 1), int):
        yield "version must be a whole number"
    for key in ("question", "metric"):
        if not isinstance(document.get(key, ""), str):
            yield f"{key} must be a text"
    windows = document.get("windows", list(WINDOWS))
    if not isinstance(windows, list) or not all(
        isinstance(days, int) and 1 <= days <= 90 for days in windows
    ):
        yield "windows must be a list of days, 1 to 90"
    if not isinstance(arms, Mapping) or not arms:
        yield "arms must be tables, at least one"
        return
    for name, arm in arms.items():
        if not isinstance(arm, Mapping):
            yield f"arms.{name} must be a table"
    if (against := document.get("against")) is not None and against not in arms:
        yield f"against must name an arm, not {against!r}"


#: What a scenario can be run without, and the number that leaves it out.
_LEFT_OUT: Final = {
    "note": "growth.without_note",
    "creator": "growth.without_author",
    "brand": "growth.without_brand",
    "policy": "discovery.policy",
    "budget": "growth.mode",
    "campaign": "calendar.campaign_first",
}
WITH, WITHOUT = "with", "without"


def without(scenario: Scenario, what: str) -> Scenario:
    """Return the scenario as two arms: as it is, and without one thing in it.

    Args:
        what: ``note:N``, ``creator:N``, ``brand:N`` (its notes stay and show no product),
            ``budget``, ``campaign``, or ``policy:NAME``, which ranks instead.

    Raises:
        ScenarioInvalid: it is none of these.
    """
    kind, _, name = what.partition(":")
    value: Value
    match kind:
        case "note" | "creator" | "brand" if name.isdecimal():
            value = int(name)
        case "policy" if name:
            value = name
        case "budget" | "campaign" if not name:
            value = "none" if kind == "budget" else -1
        case _:
            raise ScenarioInvalid(
                [f"without {what!r}: say note:N, creator:N, brand:N, policy:NAME, budget, campaign"]
            )
    usual = scenario.arms[scenario.against]
    left_out = {**usual, _LEFT_OUT[kind]: value}
    if problems := [*_problems_of(f"without {what}: ", left_out)]:
        raise ScenarioInvalid(problems)
    return replace(
        scenario,
        name=f"{scenario.name} without {what}",
        arms={WITH: usual, WITHOUT: left_out},
        against=WITHOUT,
    )


DEMO: Final = ready()["demo"]
