"""A figure of the calibration beside what a world made of it, whichever world that is."""

from dataclasses import dataclass
from typing import NamedTuple

from redshop.simulation.calibration import Figure


class Measured(NamedTuple):
    """What a run made of a figure's part; not judged where the window hides a part of it."""

    key: str
    part: str
    value: float | None
    remark: str = ""
    is_judged: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One figure beside what the run made of it; ``remark`` says what was divided out."""

    key: str
    part: str
    label: str
    target: float
    simulated: float | None
    is_inside: bool | None
    remark: str = ""

    @property
    def name(self) -> str:
        """The figure's key, with its part where it has parts."""
        return f"{self.key}.{self.part}" if self.part else self.key


def check(target: Figure, measured: Measured) -> Check:
    """Hold a figure's part against what was measured."""
    value, part = measured.value, measured.part
    return Check(
        key=target.key,
        part=part,
        label=target.label,
        target=target.parts[part],
        simulated=value,
        is_inside=target.admits(value, part=part)
        if measured.is_judged and value is not None and value == value
        else None,
        remark=measured.remark,
    )


def rate(numerator: float, denominator: float) -> float:
    """Return a share, NaN of nothing."""
    return float(numerator) / float(denominator) if denominator else float("nan")
