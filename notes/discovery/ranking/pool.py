"""The notes that a request may show, as arrays; and what one viewer brings to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, Self

import numpy as np

from notes.discovery.ranking.arrays import Bools, Floats, Ints, Singles

#: The counters of a note, in the order in which queries return them.
INTERACTIONS: Final = ("likes", "saves", "comments", "shares", "follows")


@dataclass(frozen=True, slots=True)
class Pool:
    """Notes in the order of their ids; arrays whose first axis has one length ``n``."""

    note_ids: Ints
    author_ids: Ints
    published_at: Floats  #: seconds since 1970
    interactions: Floats  #: float64[n, 5], columns as in ``INTERACTIONS``
    is_sponsored: Bools
    is_small: Bools  #: by an author whom few follow
    is_newcomer: Bools  #: in the exposure pool, with places left to be given
    vectors: Singles  #: float32[n, d], what they are about; of length one, or zero
    topics: Ints  #: int64[n, w], places in ``slugs``, filled up with -1
    slugs: Sequence[str] = ()

    @property
    def size(self) -> int:
        return len(self.note_ids)

    def take(self, places: Ints) -> Self:
        """Return some of the notes."""
        chosen = {name: getattr(self, name)[places] for name in _COLUMNS}
        return replace(self, **chosen)

    def joined(self, other: Self) -> Self:
        """Return the notes of both; where both have one, this one's row is kept."""
        index = {slug: place for place, slug in enumerate(self.slugs)}
        slugs = [*self.slugs]
        for slug in other.slugs:
            if slug not in index:
                index[slug] = len(slugs)
                slugs.append(slug)
        moved = np.array([*(index[slug] for slug in other.slugs), -1], dtype=np.int64)
        width = max(self.topics.shape[1], other.topics.shape[1])
        columns = {
            name: np.concatenate([getattr(self, name), getattr(other, name)])
            for name in _COLUMNS
            if name != "topics"
        }
        topics = [_widened(self.topics, width), _widened(moved[other.topics], width)]
        both = replace(self, **columns, topics=np.concatenate(topics), slugs=slugs)
        _, first = np.unique(both.note_ids, return_index=True)
        return both.take(first)

    def look_up(self, note_ids: Ints) -> tuple[Ints, Bools]:
        """Return where some notes are, and which of them are here at all."""
        if not self.size:
            return np.zeros(len(note_ids), dtype=np.int64), np.zeros(len(note_ids), dtype=np.bool_)
        places = np.minimum(np.searchsorted(self.note_ids, note_ids), self.size - 1)
        return places, self.note_ids[places] == note_ids

    def places_of(self, note_ids: Ints) -> Ints:
        """Return where some notes are, those that are not here left out."""
        places, is_here = self.look_up(note_ids)
        return np.asarray(places[is_here])

    def mean_over_topics(self, by_topic: Floats) -> Floats:
        """Return float64[n]: the mean of a number of its topics, zero where a note has none."""
        padded = np.append(by_topic, 0.0)
        count = (self.topics >= 0).sum(axis=1)
        return np.asarray(padded[self.topics].sum(axis=1) / np.maximum(count, 1))

    def has_topic(self, is_wanted: Bools) -> Bools:
        """Return bool[n]: whether a note has one of the wanted topics."""
        return np.asarray(np.append(is_wanted, np.False_)[self.topics].any(axis=1))


_COLUMNS: Final = tuple(entry.name for entry in fields(Pool) if entry.name != "slugs")


def _widened(topics: Ints, width: int) -> Ints:
    return np.pad(topics, ((0, 0), (0, width - topics.shape[1])), constant_values=-1)


@dataclass(frozen=True, slots=True)
class Lens:
    """What one viewer brings to a pool."""

    followed: Ints  #: ids of authors
    topic_interest: Floats  #: float64[topics of the pool], 0 to 1
    is_reduced_topic: Bools  #: bool[topics of the pool]
    similar: Floats  #: float64[n], 0 to 1
    content: Floats  #: float64[n], 0 to 1
    times_shown: Floats  #: float64[n]
    is_opened: Bools  #: bool[n]


#: What is known of a note when it is ranked, before any policy makes something of it.
Signals = Mapping[str, Floats]


def signals_of(pool: Pool, lens: Lens | None, *, at: float) -> Signals:
    """Return what is known of each note; of the viewer nothing without a lens.

    Args:
        at: the moment of the request, seconds since 1970.
    """
    known = {name: pool.interactions[:, place] for place, name in enumerate(INTERACTIONS)}
    known["age_hours"] = np.maximum(at - pool.published_at, 0.0) / 3_600.0
    known["newcomer"] = pool.is_newcomer.astype(np.float64)
    if lens is not None:
        known["interest"] = pool.mean_over_topics(lens.topic_interest)
        known["following"] = np.isin(pool.author_ids, lens.followed).astype(np.float64)
        known["similar"] = lens.similar
        known["content"] = lens.content
        known["times_shown"] = lens.times_shown
        known["is_opened"] = lens.is_opened.astype(np.float64)
        known["is_reduced"] = pool.has_topic(lens.is_reduced_topic).astype(np.float64)
    return known
