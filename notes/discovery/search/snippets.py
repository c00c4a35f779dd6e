"""Where a text has what was searched for, and the piece of it that shows most of that."""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from typing import Final

from notes.discovery.search.text import Span, is_cjk, normal, spans, stems

#: Characters of a piece of a body, and before its first word that was searched for.
WIDTH, LEAD = 120, 20
_ELLIPSIS: Final = "…"

Mark = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Marked:
    """A text, and the places in it, start and end, that were searched for; in characters."""

    text: str
    marks: tuple[Mark, ...]


def marked(text: str, terms: Set[str]) -> Marked:
    """Return a text with every place where it has one of the terms; neighbours are one place."""
    text = normal(text)
    return Marked(text, tuple(_joined(_marks(text, terms))))


def snippet(text: str, terms: Set[str], *, width: int = WIDTH) -> Marked:
    """Return the piece of a text that shows most different words that were searched for.

    Of equal pieces the first; the beginning where there is none. What is cut off is an ellipsis.
    """
    whole = marked(" ".join(text.split()), terms)
    if len(whole.text) <= width:
        return whole
    starts = [max(start - LEAD, 0) for start, _ in whole.marks] or [0]
    start = max(starts, key=lambda at: (_variety(whole, at, at + width), -at))
    start = min(start, len(whole.text) - width)
    end = start + width
    head, tail = _ELLIPSIS if start else "", _ELLIPSIS if end < len(whole.text) else ""
    shift = len(head) - start
    inside = [(a, b) for a, b in whole.marks if start <= a and b <= end]
    return Marked(
        head + whole.text[start:end] + tail, tuple((a + shift, b + shift) for a, b in inside)
    )


def _variety(whole: Marked, start: int, end: int) -> int:
    return len({whole.text[a:b].lower() for a, b in whole.marks if start <= a and b <= end})


def _marks(text: str, terms: Set[str]) -> Iterator[Mark]:
    pieces = list(spans(text))
    # a character alone is marked only where nothing longer of the query is in the text
    long = {term for term in terms if len(term) > 1}
    runs = [piece for piece in pieces if piece.is_cjk]
    sought = long if any(any(_in_run(run, long)) for run in runs) else terms
    for piece in pieces:
        if piece.is_cjk:
            yield from _in_run(piece, sought)
        elif not terms.isdisjoint({piece.folded, *stems(piece.folded)}):
            yield piece.start, piece.end


def _in_run(run: Span, terms: Iterable[str]) -> Iterator[Mark]:
    for term in filter(is_cjk, terms):
        at = run.folded.find(term)
        while at >= 0:
            yield run.start + at, run.start + at + len(term)
            at = run.folded.find(term, at + 1)


def _joined(marks: Iterable[Mark]) -> Iterator[Mark]:
    start = end = -1
    for a, b in sorted(marks):
        if a > end:
            if end >= 0:
                yield start, end
            start, end = a, b
        end = max(end, b)
    if end >= 0:
        yield start, end
