"""Words of a text, and the terms that it is found by: the same for the index and for a query."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import rjieba
import Stemmer

#: Han, kana and Hangul: scripts whose words are not found by their spaces.
_CJK: Final = "\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
_PICTURES: Final = "\u2600-\u27bf\U0001f300-\U0001faff"
_RUN: Final = re.compile(rf"([{_CJK}]+)|([^\W_{_CJK}]+)|([{_PICTURES}])")
_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_IS_CJK: Final = re.compile(f"[{_CJK}]")

MAX_TOKEN: Final = 40
#: So many different terms of a query are looked up: those of the longest query that may be asked.
MAX_TERMS: Final = 512
#: Ends the terms that are Italian stems; the same word has an English one beside it.
ITALIAN: Final = "~"
#: A word of so many characters that jieba finds is a term of its own; shorter ones are pairs.
LONG_WORD: Final = 3
#: What a character, a pair of them, and a longer word count: they are of the same stretch of text.
SINGLE_CHARACTER, PAIR, JIEBA_WORD = 0.4, 0.7, 0.25


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text, where it stands, and what it is found by."""

    start: int
    end: int
    folded: str
    is_cjk: bool


def fold(text: str) -> str:
    """Return the text in one width, one case and without accents ("CAFFÈ" becomes "caffe")."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFKC", _ACCENTS.sub("", decomposed))


@lru_cache(maxsize=10_000)
def _fold_one(character: str) -> str:
    return fold(character)


def normal(text: str) -> str:
    """Return the text with letters and their accents in one piece: only so places in it agree."""
    return unicodedata.normalize("NFC", text)


def spans(text: str) -> Iterator[Span]:
    """Yield the words, runs of Chinese, Japanese or Korean, and emojis of a normal text."""
    pieces = [_fold_one(character) for character in text]
    places = [place for place, piece in enumerate(pieces) for _ in piece]
    for found in _RUN.finditer("".join(pieces)):
        start, end = places[found.start()], places[found.end() - 1] + 1
        yield Span(start, end, found.group(), is_cjk=found.group(1) is not None)


def tokenise(text: str) -> list[str]:
    """Return the terms that a text is found by, in order, with repetitions.

    A word of letters and digits is its English and its Italian stem, so that neither language need
    be guessed; a run of Chinese, Japanese or Korean is each character, each pair of neighbours and
    each longer word that jieba finds. An emoji is a term of its own.
    """
    return list(_terms(fold(text)))


def words(text: str) -> list[str]:
    """Return the words of a text as people write them, folded, with repetitions.

    Chinese words are those of jieba, of two characters or more.
    """
    found = []
    for run, word, _ in _RUN.findall(fold(text)):
        if run:
            found += [piece for piece in rjieba.cut(run) if 1 < len(piece) <= MAX_TOKEN]
        elif word:
            found.append(word[:MAX_TOKEN])
    return found


def terms(tokens: Iterable[str]) -> dict[str, float]:
    """Return what a query asks for: each term once, and how much it counts."""
    distinct = list(dict.fromkeys(tokens))[:MAX_TERMS]
    return {term: weight_of(term) for term in distinct}


def is_cjk(term: str) -> bool:
    """Tell whether a term is of Chinese, Japanese or Korean."""
    return _IS_CJK.match(term) is not None


@lru_cache(maxsize=50_000)
def weight_of(term: str) -> float:
    """Return how much a term counts: the same stretch of Chinese is in several of them.

    Measured on the Chinese questions of XQuAD (docs/discovery.md#relevance).
    """
    if not is_cjk(term):
        return 1.0
    return {1: SINGLE_CHARACTER, 2: PAIR}.get(len(term), JIEBA_WORD)


def length_of(tokens: Iterable[str]) -> float:
    """Return how long a text is: about as much for a word of any language."""
    return sum(map(weight_of, tokens))


def facet(name: str) -> str:
    """Return the term of what a text is, which no word can be."""
    return f"/{name}"


@lru_cache(maxsize=50_000)
def stems(word: str) -> tuple[str, str]:
    """Return the terms of a folded word of letters and digits."""
    return _ENGLISH.stemWord(word)[:MAX_TOKEN], _ITALIAN.stemWord(word)[:MAX_TOKEN] + ITALIAN


def _terms(folded: str) -> Iterator[str]:
    for run, word, picture in _RUN.findall(folded):
        if run:
            yield from run
            yield from (run[start : start + 2] for start in range(len(run) - 1))
            yield from (piece for piece in rjieba.cut(run) if LONG_WORD <= len(piece) <= MAX_TOKEN)
        elif word:
            yield from stems(word[:MAX_TOKEN])
        else:
            yield picture


_ENGLISH: Final = Stemmer.Stemmer("english", 0)
_ITALIAN: Final = Stemmer.Stemmer("italian", 0)
