"""Words of a text, the same for the index and for the query."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

#: Han, kana and Hangul: scripts whose words are not found by their spaces.
_CJK: Final = "\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
_PICTURES: Final = "\u2600-\u27bf\U0001f300-\U0001faff"
_RUN: Final = re.compile(rf"([{_CJK}]+)|([^\W_{_CJK}]+)|([{_PICTURES}])")
_ACCENTS: Final = re.compile("[\u0300-\u036f]")

MAX_TOKEN: Final = 40
MAX_TERMS: Final = 24


def fold(text: str) -> str:
    """Return the text in one width, one case and without accents ("CAFFÈ" becomes "caffe")."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFKC", _ACCENTS.sub("", decomposed))


def tokenise(text: str) -> list[str]:
    """Return the text's words in order, with repetitions.

    A word of letters and digits is one token, cut to 40 characters. A run of Chinese, Japanese or
    Korean gives each character and each pair of neighbours. An emoji is a token of its own.
    """
    return list(_tokens(fold(text)))


def _tokens(folded: str) -> Iterator[str]:
    for run, word, picture in _RUN.findall(folded):
        if run:
            yield from run
            yield from (run[start : start + 2] for start in range(len(run) - 1))
        else:
            yield (word or picture)[:MAX_TOKEN]


def terms(tokens: Iterable[str]) -> list[str]:
    """Return what a query asks for: each token once, without characters that a pair covers."""
    distinct = list(dict.fromkeys(tokens))
    covered = {character for token in distinct if _is_pair(token) for character in token}
    kept = [token for token in distinct if len(token) > 1 or token not in covered]
    return kept[:MAX_TERMS]


def _is_pair(token: str) -> bool:
    run = _RUN.fullmatch(token)
    return len(token) == 2 and run is not None and run.group(1) is not None
