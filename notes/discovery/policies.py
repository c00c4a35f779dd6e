"""The ways of ranking, each with a name, a version and a date. None of them is *the* algorithm.

What explore may be ranked by is in the database (``models.RankingPolicy``) and read by
``choosing``; here is what its numbers mean. The others have no rivals and stand here.

The weights of interactions in ``ces_folk`` (like 1, save 1, comment 4, share 4, follow 8) are
folklore about another platform; so are those of ``ces_product_note`` (likes and comments 1, the
others 4), attributed to its merchant school, and its papers describe learned rankers. They are a
choice, and anyone may read it at ``/ranking/policies``. A changed number is a new version.
"""

from dataclasses import dataclass, fields
from datetime import date
from typing import Any, ClassVar, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What every way of ranking can say about itself."""

    name: str
    version: int
    since: date
    surfaces: tuple[str, ...]
    words: str
    depth: int = 200  #: at most so many notes are ranked for one request: feeds are finite

    @property
    def label(self) -> str:
        return f"{self.name}_v{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPolicy(Policy):
    """A weighted sum of features between 0 and 1, times factors between 0 and 1, then an order.

    A number that came later than the first policy has a default by which it does nothing, so that
    an older policy means what it always meant.
    """

    #: Features that are known of a note as they are, and those that a learned model predicts.
    AS_KNOWN: ClassVar = ("interest", "following", "similar", "content", "newcomer")
    PREDICTED: ClassVar = ("open", "engage", "want", "buy")
    FEATURES: ClassVar = ("engagement", "freshness", *AS_KNOWN, *PREDICTED)

    like: float = 1.0
    save: float = 1.0
    comment: float = 4.0
    share: float = 4.0
    follow: float = 8.0
    saturation: float = 1_000.0  #: interactions, weighted as above, that make engagement 1
    half_life_hours: float = 72.0  #: after which freshness has halved

    engagement: float = 1.0
    freshness: float = 1.0
    interest: float = 1.5
    following: float = 0.5
    similar: float = 0.0  #: what the notes that the viewer went to speak for it
    content: float = 0.0  #: likeness to what the viewer went to, by what it says
    newcomer: float = 0.0  #: for a note in the exposure pool
    open: float = 0.0  #: probabilities that a learned model predicts
    engage: float = 0.0
    want: float = 0.0
    buy: float = 0.0

    seen_factor: float = 0.7  #: for each time it was on the screen, three times at most
    opened_factor: float = 0.25
    seen_days: int = 7
    reduced_topic_factor: float = 0.4
    author_repeat_factor: float = 0.6  #: for each better note of the same author
    author_cap: int = 200  #: notes of one author in an answer,
    session_minutes: int = 0  #: less those of theirs that were shown so lately
    sponsored_gap: int = 1  #: places from one paid note to the next
    small_share: float = 0.0  #: of the places of notes that nobody paid for, to small creators

    spectrum: float = 0.0  #: what being unlike the last notes is worth (``ranking.diversity``)
    marginal: float = 0.0  #: the same by maximal marginal relevance
    diversity_loss: float = 0.0  #: share of the score that diversity may cost
    diversity_window: int = 8
    diverse_places: int = 40

    exploration: float = 0.0  #: the chance that chance decides at a place
    exploration_window: int = 10  #: between so many notes

    fresh: int = 300  #: candidates: so many newest notes,
    popular: int = 200  #: so many that most people interacted with of late,
    by_followed: int = 10  #: so many of each followed author,
    followed_notes: int = 2_000  #: and so many of these together, the newest,
    by_topic: int = 60  #: so many newest of each topic of interest,
    by_trending: int = 0  #: so many that are trending in it,
    by_similar: int = 0  #: so many of those that the same people go to,
    by_content: int = 0  #: so many that are about what the viewer went to,
    by_newcomer: int = 0  #: so many of the exposure pool
    anchors: int = 50  #: as to the notes that the viewer went to last
    interest_topics: int = 8
    interest_threshold: float = 0.2

    @property
    def weights(self) -> dict[str, float]:
        return {name: getattr(self, name) for name in self.FEATURES}

    @property
    def is_learned(self) -> bool:
        """Whether it needs a learned model."""
        return any(getattr(self, name) for name in self.PREDICTED)

    @classmethod
    def numbers(cls) -> dict[str, float]:
        """Return every number that such a policy has, with what it is unless said otherwise."""
        common = {entry.name for entry in fields(Policy)} - {"depth"}
        return {
            entry.name: entry.default  # type: ignore[misc]
            for entry in fields(cls)
            if entry.name not in common
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class InterestPolicy:
    """How recent behaviour becomes interest in topics, between 0 and 1."""

    note_open: float = 1.0
    read: float = 1.0
    like: float = 2.0
    save: float = 3.0
    comment: float = 3.0
    share: float = 3.0
    hide: float = -6.0
    days: int = 30
    half_life_days: float = 7.0
    prior: float = 0.5  #: what everyone has for every topic
    half: float = 5.0  #: how much behaviour makes an interest of one half
    reduce: float = 0.1  #: the preference dials multiply
    increase: float = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChronologicalPolicy(Policy):
    """Newest first, nothing else."""

    days: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPolicy(Policy):
    """BM25 over weighted fields, plus a little engagement and freshness.

    Lengths are in terms, of which a word has two (``search.text.length_of``). What stands before
    ``engagement`` decides when a note is indexed: whoever changes it runs ``manage.py reindex``.
    """

    title: float = 3.0
    tags: float = 2.0
    body: float = 1.0
    typical_title: float = 24.0
    typical_tags: float = 16.0
    typical_body: float = 160.0
    k1: float = 0.6
    b: float = 0.6
    engagement: float = 0.5
    freshness: float = 0.3
    half_life_hours: float = 24.0 * 30
    meaning: float = 0.2  #: nearness of the whole, where it earns its place,
    meaning_cjk: float = 0.0  #: which it does not in Chinese, Japanese and Korean
    meaning_depth: int = 100
    synonym: float = 0.7  #: what a word that means the same counts,
    completion: float = 0.5  #: or one that begins with what was typed last
    least_share: float = 0.1  #: of the best match, below which a note is not found
    least_share_sorted: float = 0.4  #: the same where matches are sorted by something else
    postings: int = 4_000_000  #: of the rarest words are added up
    candidates: int = 400  #: so many of the best matches are ranked,
    sorted_candidates: int = 2_000  #: or sorted,
    most_candidates: int = 25_600  #: or looked through where few of them may be shown


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedPolicy(Policy):
    """What two notes share: products, topics, the author."""

    products: float = 1.0
    topics: float = 1.0
    author: float = 0.3
    engagement: float = 0.5
    freshness: float = 0.3
    half_life_hours: float = 24.0 * 30
    author_repeat_factor: float = 0.6
    candidates: int = 300


FOLLOWING: Final = ChronologicalPolicy(
    name="following_newest",
    version=2,
    since=date(2026, 11, 29),
    surfaces=("following",),
    words="Notes of the last thirty days by people you follow, newest first.",
)
SEARCH: Final = SearchPolicy(
    name="bm25_fields",
    version=3,
    since=date(2026, 11, 29),
    surfaces=("search",),
    words=(
        "Notes with words of the query, best match first: a rare word counts more than a common "
        "one, the title more than topics and products, these more than the body; interactions "
        "and freshness break near-ties. Synonyms count a little less, a word that nobody wrote is "
        "taken for the nearest one that somebody did; except in Chinese, Japanese and Korean, how "
        "near a note is to the query as a whole counts a little. Nothing about you plays a part."
    ),
)
SEARCH_NEWEST: Final = Policy(
    name="search_newest",
    version=2,
    since=date(2026, 11, 29),
    surfaces=("search",),
    words="Notes with words of the query, newest first.",
)
SEARCH_POPULAR: Final = Policy(
    name="search_popular",
    version=1,
    since=date(2026, 11, 1),
    surfaces=("search",),
    words="Notes with words of the query, most interactions first.",
)
RELATED: Final = RelatedPolicy(
    name="shared_subjects",
    version=1,
    since=date(2026, 11, 1),
    surfaces=("related",),
    words="Notes that show the same products, are on the same topics or by the same author.",
    depth=60,
)
INTERESTS: Final = InterestPolicy()

#: What explore is ranked by where no policy is the default; what interactions count elsewhere.
PLAIN: Final = FeedPolicy(
    name="plain",
    version=1,
    since=date(2026, 11, 29),
    surfaces=("explore",),
    words="Recent notes by interactions, freshness, your interests and whom you follow.",
)
#: The policies that have no rivals.
FIXED: Final[tuple[Policy, ...]] = (
    FOLLOWING,
    SEARCH,
    SEARCH_NEWEST,
    SEARCH_POPULAR,
    RELATED,
)


def described(policy: Policy) -> dict[str, Any]:
    """Return a policy as its readers see it: every number that it decides by, by name."""
    common = {entry.name for entry in fields(Policy)} - {"depth"}
    numbers = {
        entry.name: getattr(policy, entry.name)
        for entry in fields(policy)
        if entry.name not in common
    }
    return {
        "policy": policy.label,
        "name": policy.name,
        "version": policy.version,
        "since": policy.since,
        "surfaces": policy.surfaces,
        "words": policy.words,
        "numbers": {**numbers, **_interest_numbers(policy)},
    }


def _interest_numbers(policy: Policy) -> dict[str, float]:
    if not isinstance(policy, FeedPolicy):
        return {}
    return {f"interest_{entry.name}": getattr(INTERESTS, entry.name) for entry in fields(INTERESTS)}
