"""The words that notes are written with: the nearest to one that nobody wrote, and its endings."""

from dataclasses import dataclass
from threading import Lock
from typing import Final

from django.db import connection
from symspellpy.symspellpy import SymSpell
from symspellpy.verbosity import Verbosity

#: So many words, the most common, are held by each process to correct by.
HELD: Final = 50_000
#: The vocabulary is read anew after so many foldings: a word that is new is found all the same.
STALE: Final = 60
#: Edits that a word of at least so many letters may be away from what was meant.
EDITS: Final = {4: 1, 6: 2}
_PREFIX: Final = 7
_MOST_COMMON: Final = """
SELECT text, documents FROM notes_word WHERE text ~ '^[a-z]+$' AND length(text) >= %s
ORDER BY documents DESC, text LIMIT %s
"""
_ENDINGS: Final = """
SELECT text FROM notes_word WHERE text LIKE %s ORDER BY documents DESC, text LIMIT %s
"""


@dataclass(slots=True)
class _Held:
    version: int
    spelling: SymSpell


_lock: Final = Lock()
_held: list[_Held] = []


def nearest(word: str, *, version: int, limit: int) -> list[str]:
    """Return the words that were probably meant: those fewest edits away, common ones first.

    Edits are insertions, deletions, substitutions and swaps of neighbours (Damerau 1964), found by
    SymSpell's deletions. None where there is none near enough, or the word is too short to tell.
    """
    edits = max((most for letters, most in EDITS.items() if len(word) >= letters), default=0)
    if not edits or not (word.isascii() and word.isalpha()):
        return []
    found = _spelling(version).lookup(word, Verbosity.CLOSEST, max_edit_distance=edits)
    return [str(each.term) for each in found[:limit]]


def endings(prefix: str, *, limit: int) -> list[str]:
    """Return the most common words that begin with what was typed."""
    escaped = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    with connection.cursor() as cursor:
        cursor.execute(_ENDINGS, [f"{escaped}%", limit])
        return [text for (text,) in cursor.fetchall()]


def forget() -> None:
    """Drop the vocabulary that this process holds; it is read again when it is needed."""
    with _lock:
        _held.clear()


def _spelling(version: int) -> SymSpell:
    with _lock:
        if not _held or not _held[0].version <= version < _held[0].version + STALE:
            _held[:] = [_Held(version, _read())]
        return _held[0].spelling


def _read() -> SymSpell:
    spelling = SymSpell(max_dictionary_edit_distance=max(EDITS.values()), prefix_length=_PREFIX)
    with connection.cursor() as cursor:
        cursor.execute(_MOST_COMMON, [min(EDITS) - 1, HELD])
        for text, documents in cursor.fetchall():
            spelling.create_dictionary_entry(text, documents)
    return spelling
