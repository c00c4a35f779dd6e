"""What an arm's kernels read and write: named arrays, of which people touch only their own rows."""

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from redshop.simulation.types import Bools, Floats, Ints

Singles = NDArray[np.float32]
Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]


class Rules(NamedTuple):
    """The numbers of an arm on a day, as the kernels take them."""

    seed: int
    day: int
    interest: float  #: weights of explore's policy
    following: float
    of_interest: float  #: share of proposals of shelves that the system knows to interest somebody
    on_target: float  #: share of proposals of a search that are of its shelf
    bound: float  #: what counts as a high score
    seen_factor: float
    repeat_factor: float
    author_cap: int
    small_share: float
    sharpness: float
    search_bound: float
    search_sharpness: float
    following_share: float
    leave_feed: float
    leave_search: float
    prior: float  #: of interest in topics (``InterestPolicy``)
    half: float
    satiation: float
    ad_fatigue: float
    paid_reach: float  #: chance that a place is sold
    actions: Floats  #: float64[actions, 2], rates in feed and search
    view_rate: float
    cart_rate: float
    paid: float
    elasticity: float
    opened: float
    read_deeply: float
    viewed: float
    just_viewed: float  #: interest while somebody looks at the product
    half_life: float
    again: float
    errand_share: float
    errand_carts: float


#: A note as it is on a day. All that is read of it lies side by side: notes are read at random, and
#: there are more of them than a processor keeps near.
NOTE: Final = np.dtype(
    [
        ("author", np.int32),
        ("author_place", np.int32),  # among those who write, NOBODY for buyers who write once
        ("likes", np.int32),
        ("quality", np.float32),
        ("median_dwell", np.float32),
        ("trust", np.float32),
        ("explore", np.float32),  # what of the policy's score is the same for everybody
        ("search", np.float32),
        ("shelf", np.int16),
        ("product", np.int16),
        ("language", np.int8),
        ("type", np.int8),
        ("exists", np.bool_),
        ("is_paid", np.bool_),  # and readers are told so
        ("is_small", np.bool_),
    ],
    align=True,
)
#: All notes, records of ``NOTE``.
Table: TypeAlias = Any


class Pool(NamedTuple):
    """What is proposed: notes that may be written, by shelf, and those whose places are bought."""

    items: Ints
    starts: Ints  #: int64[shelves + 1]
    promoted: Ints
    by_author: NDArray[np.int32]  #: int32[authors, n], what each wrote and shared last


class Memory(NamedTuple):
    """What people are like, know and want; one row a person."""

    interests: Singles  #: latent, mean 1
    stock: Singles  #: what the system knows of them, by shelf
    follows: NDArray[np.int32]
    language: Ints
    thrift: Floats
    is_searcher: Bools
    seen: Words  #: bits, one a note; no columns where nobody remembers
    wants: Bytes
    owns: Bytes
    note: NDArray[np.int32]  #: the last product notes that each opened, in a ring
    product: NDArray[np.int16]
    when: Singles  #: days
    weight: Singles  #: what it added to the interest in the product
    deeds: NDArray[np.uint16]  #: bits of ``Deed``
    turn: NDArray[np.int64]  #: how many each has opened


class Goods(NamedTuple):
    """What the kernels know of products."""

    shelf: Ints
    relative_price: Floats


#: Bits of what somebody did with a note that they opened.
READ, LIKE, SAVE, COMMENT, SHARE, FOLLOW, VIEW, CART = (1 << bit for bit in range(8))
#: Surfaces, as the kernels number them.
EXPLORE, SEARCH, FOLLOWING = 0, 1, 2
#: Columns of a note that was on a screen. Its place is ``request * PLACES + position``; what came
#: of it is the surface, and bits: opened, on their screen before, and its deeds.
SHOWN_NOTE, SHOWN_PERSON, SHOWN_PLACE, SHOWN_WHAT = range(4)
SHOWN_OPENED, SHOWN_BEFORE, SHOWN_DEEDS = 2, 3, 4  # bits; the surface takes the first two
#: How many places a request has in names of draws; more than are ever shown.
PLACES: Final = 64
#: Seconds that pass on a request, and in a day.
REQUEST_SECONDS, DAY_SECONDS = 90.0, 86_400.0
#: Columns of an opened note, of a cart, and of a touch that came before it.
OPEN_NOTE, OPEN_PERSON, OPEN_DEEDS, OPEN_SEARCHING = range(4)
(
    CART_PERSON, CART_PRODUCT, CART_NOTE, CART_WHEN, CART_PAYS, CART_DELAY, CART_INTEREST,
    CART_AFFINITY, CART_AGAIN, CART_CHANCE, CART_START, CART_END, CART_DAY,
) = range(13)  # fmt: skip
CART_COLUMNS = 13
