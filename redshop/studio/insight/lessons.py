"""What a writer is told of an insight: the effects of what it can choose, the surest first."""

from collections.abc import Iterable, Mapping
from typing import Any

from redshop.studio.attributes import WRITTEN
from redshop.studio.types import Lesson


def told_by(findings: Iterable[Mapping[str, Any]], *, population: str) -> list[Lesson]:
    """Return the lessons of findings, as an insight's document holds them."""
    effects = [each for each in findings if each["is_effect"] and each["attribute"] in WRITTEN]
    return [
        Lesson(
            attribute=each["attribute"],
            level=each["level"],
            against=each["against"],
            outcome=each["outcome"],
            ratio=each["ratio"]["value"],
            low=each["ratio"]["low"],
            high=each["ratio"]["high"],
            source=f"insight, {each['stratum']}",
            population=population,
        )
        for each in sorted(effects, key=lambda each: float(each["q"]))
    ]
