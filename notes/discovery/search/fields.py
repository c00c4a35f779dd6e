"""What the fields of a text tell, the same for whatever can be searched for."""

from collections.abc import Sequence

from notes.discovery.policies import SearchPolicy
from notes.discovery.search.bm25 import Field, Shape, impacts
from notes.discovery.search.text import length_of, tokenise


def impacts_of(fields: Sequence[str], policy: SearchPolicy) -> dict[str, int]:
    """Return the terms of a text and the impact of each, given its three fields: what it is called,
    what it is about, and the rest."""
    texts = [tokenise(field) for field in fields]
    return impacts(texts, lengths=[*map(length_of, texts)], shape=_shape(policy))


def _shape(policy: SearchPolicy) -> Shape:
    return Shape(
        (
            Field(policy.title, policy.typical_title),
            Field(policy.tags, policy.typical_tags),
            Field(policy.body, policy.typical_body),
        ),
        k1=policy.k1,
        b=policy.b,
    )
