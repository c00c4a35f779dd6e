"""Notes as JSON; nothing here asks the database."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from notes.models import Comment, Note, Topic
from notes.states import VALUES
from notes.types import NoteCard, ShownProduct
from redshop.accounts.api.serializers import AuthorSerializer, LineField
from redshop.catalog.api.serializers import MediaSerializer, ProductCardSerializer
from redshop.core.api.serializers import MoneyField, StrictSerializer
from redshop.events.kinds import Surface

MOST_MEDIA: Final = 18
MOST_TOPICS: Final = 10
MOST_PRODUCTS: Final = 20


class IdField(serializers.IntegerField):
    """The id of something; as large as the database takes."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=2**63 - 1, **kwargs)


class NoteProductSerializer(serializers.Serializer[ShownProduct]):
    """A product that the note shows."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    price = MoneyField(allow_null=True, help_text="Of the cheapest variant; null: not sold now.")
    external_url = serializers.URLField(
        required=False, help_text="The shop elsewhere; absent for what is only sold here."
    )

    def to_representation(self, instance: ShownProduct) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if not shown["external_url"]:
            del shown["external_url"]
        return shown


class ProvenanceSerializer(serializers.Serializer[Any]):
    """Where a note comes from, for whoever wants to know whom to believe."""

    origin = serializers.ChoiceField(choices=Note.Origin.choices)
    sponsored = serializers.BooleanField()
    paid_by = serializers.CharField(
        required=False, help_text="The brand that paid; absent where none did."
    )
    ai = serializers.ChoiceField(
        choices=Note.AiUse.choices, help_text="Shown as a label unless it is none."
    )
    verified_purchase = serializers.BooleanField(
        help_text="Its author had a product it shows delivered."
    )

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if not shown["paid_by"]:
            del shown["paid_by"]
        return shown


class NoteCountsSerializer(serializers.Serializer[Any]):
    likes = serializers.IntegerField()
    saves = serializers.IntegerField()
    comments = serializers.IntegerField()
    shares = serializers.IntegerField()


class NoteViewerSerializer(serializers.Serializer[Any]):
    """How the viewer stands to the note; all false for a visitor."""

    liked = serializers.BooleanField()
    saved = serializers.BooleanField()
    following_author = serializers.BooleanField()


class NoteSerializer(serializers.Serializer[NoteCard]):
    """A note as its viewer sees it."""

    id = serializers.IntegerField()
    type = serializers.ChoiceField(choices=Note.Type.choices)
    state = serializers.ChoiceField(
        choices=VALUES,
        help_text="Others than published are seen by their author only.",
    )
    title = serializers.CharField()
    body = serializers.CharField()
    media = MediaSerializer(many=True)
    topics = serializers.ListField(child=serializers.CharField(), help_text="Slugs.")
    products = NoteProductSerializer(many=True)
    author = AuthorSerializer()
    published_at = serializers.DateTimeField(allow_null=True)
    provenance = ProvenanceSerializer()
    disclosure = serializers.ChoiceField(
        choices=Note.Disclosure.choices,
        allow_blank=True,
        help_text="The commercial label that must be shown; empty where none applies.",
    )
    counts = NoteCountsSerializer()
    viewer = NoteViewerSerializer()


class DraftSerializer(StrictSerializer):
    """A note to be written."""

    type = serializers.ChoiceField(choices=Note.Type.choices)
    title = LineField(max_length=100)
    body = serializers.CharField(max_length=5_000, required=False, allow_blank=True)
    media_ids = serializers.ListField(child=IdField(), max_length=MOST_MEDIA, required=False)
    topics = serializers.ListField(
        child=serializers.SlugField(max_length=60),
        max_length=MOST_TOPICS,
        required=False,
        source="topic_slugs",
        help_text="Slugs of topics.",
    )
    product_ids = serializers.ListField(child=IdField(), max_length=MOST_PRODUCTS, required=False)
    earns_commission = serializers.BooleanField(required=False)
    disclosure = serializers.ChoiceField(
        choices=Note.Disclosure.choices, required=False, allow_blank=True
    )
    ai_use = serializers.ChoiceField(choices=Note.AiUse.choices, required=False)
    brand_id = IdField(required=False, help_text="In whose name, or who paid.")
    origin = serializers.ChoiceField(
        choices=Note.Origin.choices,
        required=False,
        help_text="Brand: in the name of the brand, by someone who works for it.",
    )
    sponsored = serializers.BooleanField(
        required=False, source="is_sponsored", help_text="Paid for by the brand."
    )


class ChangeSerializer(StrictSerializer):
    """What an author changes; what is left out stays."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields of a draft, without those that are settled when it is begun."""
        fields = DraftSerializer().get_fields()
        for name in ("brand_id", "origin", "sponsored"):
            del fields[name]
        for field in fields.values():
            field.required = False
        return fields


class TapSerializer(StrictSerializer):
    """What had shown the note, where the client knows."""

    surface = serializers.ChoiceField(choices=Surface.choices, required=False)
    request_id = serializers.UUIDField(
        required=False, help_text="Of the feed or search that showed it."
    )


class ReasonSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    text = serializers.CharField()


class MarkedTextSerializer(serializers.Serializer[Any]):
    """A text, and where it has what was searched for."""

    text = serializers.CharField()
    marks = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2),
        help_text="Start and end of each place, in characters of the text (Unicode code points).",
    )


class HighlightsSerializer(serializers.Serializer[Any]):
    """What of a note was searched for."""

    title = MarkedTextSerializer()
    snippet = MarkedTextSerializer(help_text="The piece of the body that shows most of it.")


class RankedNoteSerializer(serializers.Serializer[Any]):
    """A note in its place, and why it is there."""

    position = serializers.IntegerField(help_text="From zero, over all pages.")
    note = NoteSerializer()
    reasons = ReasonSerializer(many=True)
    highlights = HighlightsSerializer(required=False, help_text="In answers to a search.")


class RankedNotesSerializer(serializers.Serializer[Any]):
    """A page of a ranked answer. It ends: ``caught_up``."""

    request_id = serializers.UUIDField(help_text="To be sent along with events and reactions.")
    policy = serializers.CharField(help_text="The way of ranking, by name and version.")
    personalised = serializers.BooleanField()
    corrected_query = serializers.CharField(
        required=False,
        help_text="What a search was answered for, where it was not as typed.",
    )
    results = RankedNoteSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    caught_up = serializers.BooleanField()


class FeatureSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    value = serializers.FloatField()
    weight = serializers.FloatField()
    contribution = serializers.FloatField(help_text="Value times weight.")


class FactorSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    value = serializers.FloatField()


class ExplorationSerializer(serializers.Serializer[Any]):
    propensity = serializers.FloatField(help_text="The chance with which it was shown here.")
    text = serializers.CharField()


class WhySerializer(serializers.Serializer[Any]):
    """How a note came to its place: the features' contributions, summed, times the factors."""

    request_id = serializers.UUIDField()
    note_id = serializers.IntegerField()
    surface = serializers.CharField()
    position = serializers.IntegerField()
    policy = serializers.CharField()
    version = serializers.IntegerField()
    personalised = serializers.BooleanField()
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="What made it a candidate."
    )
    reasons = ReasonSerializer(many=True)
    features = FeatureSerializer(many=True)
    factors = FactorSerializer(many=True)
    score = serializers.FloatField()
    exploration = ExplorationSerializer()


class PolicySerializer(serializers.Serializer[Any]):
    """A way of ranking in words and numbers."""

    policy = serializers.CharField(help_text="Name and version, as feeds name it.")
    name = serializers.CharField()
    version = serializers.IntegerField()
    since = serializers.DateField()
    surfaces = serializers.ListField(child=serializers.CharField())
    words = serializers.CharField()
    numbers = serializers.DictField(child=serializers.FloatField())


class PoliciesSerializer(serializers.Serializer[Any]):
    """All active ways of ranking; always one page."""

    results = PolicySerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class ProductHitsSerializer(serializers.Serializer[Any]):
    """The products that match best; always one page."""

    results = ProductCardSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    corrected_query = serializers.CharField(
        required=False, help_text="Only where a mistyped word was taken for another."
    )


class PastSearchSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    query = serializers.CharField()
    searched_at = serializers.DateTimeField()


class PastSearchesSerializer(serializers.Serializer[Any]):
    """What one searched for; always one page."""

    results = PastSearchSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class SuggestionSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    kind = serializers.ChoiceField(choices=["history", "topic", "brand", "product", "word", "note"])


class SuggestionsSerializer(serializers.Serializer[Any]):
    results = SuggestionSerializer(many=True)


class TrendSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    kind = serializers.ChoiceField(choices=["query", "topic"])
    number = serializers.IntegerField(
        help_text="People who searched for it, or notes published about it."
    )
    number_before = serializers.IntegerField(help_text="The same in as long a time before.")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()


class TrendsSerializer(serializers.Serializer[Any]):
    """What most people search for and write about now, and how that was counted."""

    results = TrendSerializer(many=True)
    definition = serializers.CharField()


class TopicSerializer(serializers.Serializer[Topic]):
    id = serializers.IntegerField()
    slug = serializers.CharField()
    name = serializers.CharField()
    notes_count = serializers.IntegerField(help_text="Published notes about it.")


class CommentViewerSerializer(serializers.Serializer[Any]):
    liked = serializers.BooleanField(source="is_liked")


@extend_schema_field(CommentViewerSerializer)
class CommentViewerField(serializers.Field[Any, Any, dict[str, bool], Any]):
    def to_representation(self, value: Any) -> dict[str, bool]:
        return {"liked": value.is_liked}


class CommentSerializer(serializers.Serializer[Comment]):
    """Something said under a note; ``reply_to`` is the comment it answers."""

    id = serializers.IntegerField()
    body = serializers.CharField()
    author = AuthorSerializer()
    reply_to = serializers.IntegerField(source="reply_to_id", allow_null=True)
    created_at = serializers.DateTimeField()
    likes = serializers.IntegerField(source="likes_count")
    replies = serializers.IntegerField(source="replies_count")
    viewer = CommentViewerField(source="*")


class SayingSerializer(TapSerializer):
    """A comment to be made."""

    body = serializers.CharField(max_length=1_000)
    reply_to = IdField(required=False)
