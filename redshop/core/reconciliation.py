"""Comparing what is kept with what it can be rebuilt from: what a room answers."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """Something that is kept beside what it follows from, compared.

    ``scope`` says what was looked at ("132 SKUs"), so that nobody takes the silence of an empty
    table for health. ``differences`` yields a sentence for each that differs, as it is found.
    """

    scope: str
    differences: Iterable[str]
