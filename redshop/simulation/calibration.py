"""The figures that the population is calibrated to, each with its kind, grade and source."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("calibration.toml")
#: The part of a table that stands for whatever the table does not name.
REST: Final = "other"
Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One target or prior: a number, or a table of numbers by part (surface, category)."""

    key: str
    kind: str
    grade: str
    source: str
    parts: Mapping[str, float]
    bounds: Mapping[str, Bounds]

    @property
    def number(self) -> float:
        """The value of a figure that is a single number."""
        return self.parts[""]

    def at(self, part: str) -> float:
        """Return the value of a part, or of the rest where the part is not named."""
        return self.parts[part] if part in self.parts else self.parts[REST]

    def admits(self, simulated: float, *, part: str = "") -> bool | None:
        """Tell whether a simulated value lies inside the range; None where there is no range."""
        bounds = self.bounds.get(part)
        return None if bounds is None else bounds[0] <= simulated <= bounds[1]

    @property
    def label(self) -> str:
        """Kind and grade, such as ``measured A``, to stand beside every use of the figure."""
        return f"{self.kind} {self.grade}"


@cache
def figures() -> Mapping[str, Figure]:
    """Return every figure of the file by its dotted key, such as ``funnel.like_given_open``."""
    document = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {figure.key: figure for figure in _read(document)}


def figure(key: str) -> Figure:
    """Return one figure by its dotted key."""
    return figures()[key]


def _read(document: Mapping[str, Any]) -> Iterator[Figure]:
    for section, entries in document.items():
        for name, entry in entries.items():
            parts = _table(entry["value"])
            yield Figure(
                key=f"{section}.{name}",
                kind=entry["kind"],
                grade=entry["grade"],
                source=entry["source"],
                parts=parts,
                bounds=_bounds(entry, parts),
            )


def _table(value: float | Mapping[str, float]) -> dict[str, float]:
    if isinstance(value, Mapping):
        return {part: float(number) for part, number in value.items()}
    return {"": float(value)}


def _bounds(entry: Mapping[str, Any], parts: Mapping[str, float]) -> dict[str, Bounds]:
    """Read a range, a range for each part, or a tolerance around each part."""
    if "tolerance" in entry:
        reach = float(entry["tolerance"])
        return {part: (value - reach, value + reach) for part, value in parts.items()}
    given = entry.get("range")
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {part: (float(low), float(high)) for part, (low, high) in given.items()}
    return {"": (float(given[0]), float(given[1]))}
