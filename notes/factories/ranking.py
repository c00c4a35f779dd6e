"""How explore is ranked and what it stands on, for tests and for developers."""

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from notes.factories.notes import NoteFactory, TopicFactory
from notes.models import (
    Alternative,
    Chart,
    ExposureGrant,
    LargeCreator,
    LearnedModel,
    NoteVector,
    PreparedPool,
    RankingPolicy,
    TextEncoder,
)


class AlternativeFactory(DjangoModelFactory[Alternative]):
    """A note of a group of its own."""

    class Meta:
        model = Alternative

    note = factory.SubFactory(NoteFactory)
    group = factory.Sequence(lambda n: f"group {n}")
    epoch = 1
    propensity = 0.5
    since = factory.LazyFunction(timezone.now)


class RankingPolicyFactory(DjangoModelFactory[RankingPolicy]):
    """A way of ranking that does what every policy does unless told otherwise."""

    class Meta:
        model = RankingPolicy

    name = factory.Sequence(lambda n: f"trial_{n}")
    version = 1
    words = "A trial."


class LearnedModelFactory(DjangoModelFactory[LearnedModel]):
    """A model that was learned and did not earn its place."""

    class Meta:
        model = LearnedModel

    learned_at = factory.LazyFunction(timezone.now)
    impressions = 3_000
    held_out = 1_000
    heads = factory.LazyFunction(dict)
    judged = factory.LazyFunction(dict)
    is_used = False


class ChartFactory(DjangoModelFactory[Chart]):
    """A chart of a topic, with nothing in it."""

    class Meta:
        model = Chart

    topic = factory.SubFactory(TopicFactory)
    note_ids = ()
    people = ()
    computed_at = factory.LazyFunction(timezone.now)


class ExposureGrantFactory(DjangoModelFactory[ExposureGrant]):
    """A hundred places for a new note of a small creator."""

    class Meta:
        model = ExposureGrant

    note_id = factory.Sequence(lambda n: 1_000_000 + n)
    granted = 100
    is_small_creator = True
    granted_at = factory.LazyFunction(timezone.now)


class PreparedPoolFactory(DjangoModelFactory[PreparedPool]):
    """What was prepared of topics: nothing that can be read."""

    class Meta:
        model = PreparedPool
        django_get_or_create = ("id",)

    id = 1
    prepared_at = factory.LazyFunction(timezone.now)
    content = b""


class LargeCreatorFactory(DjangoModelFactory[LargeCreator]):
    """Somebody whom many follow."""

    class Meta:
        model = LargeCreator

    author_id = factory.Sequence(lambda n: 1_000_000 + n)
    followers = 1_000
    counted_at = factory.LazyFunction(timezone.now)


class TextEncoderFactory(DjangoModelFactory[TextEncoder]):
    """An encoder that was fitted to nothing."""

    class Meta:
        model = TextEncoder

    kind = "hashed"
    fitted_at = factory.LazyFunction(timezone.now)
    texts = 1


class NoteVectorFactory(DjangoModelFactory[NoteVector]):
    """What a note is about; it waits to be encoded."""

    class Meta:
        model = NoteVector

    note_id = factory.Sequence(lambda n: 1_000_000 + n)
