"""What lists of notes can be asked."""

from typing import Any

from rest_framework import serializers

from notes.discovery.search.hits import Sort
from notes.discovery.search.notes import MOST_QUERY
from notes.models import Note, PastSearch


class PageQuery(serializers.Serializer[Any]):
    """A page of something ranked."""

    cursor = serializers.CharField(
        required=False, max_length=300, help_text="From ``next``; nothing else needs repeating."
    )
    page_size = serializers.IntegerField(min_value=1, max_value=100, default=20)


class FeedQuery(PageQuery):
    surface = serializers.ChoiceField(choices=["explore", "following"], default="explore")


class NoteSearchQuery(PageQuery):
    q = serializers.CharField(
        required=False,
        max_length=MOST_QUERY,
        help_text="Chinese, English or Italian; required without a cursor.",
    )
    type = serializers.ChoiceField(choices=Note.Type.choices, required=False)
    sort = serializers.ChoiceField(
        choices=[sort.value for sort in Sort], default=Sort.RELEVANCE.value
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=PastSearch.Source.choices,
        default=PastSearch.Source.TYPED.value,
        help_text="Where the query came from.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "q" not in attrs and "cursor" not in attrs:
            raise serializers.ValidationError(
                {"q": serializers.ErrorDetail("This field is required.", code="required")}
            )
        return attrs


class ProductSearchQuery(serializers.Serializer[Any]):
    q = serializers.CharField(max_length=MOST_QUERY)
    page_size = serializers.IntegerField(min_value=1, max_value=100, default=20)


class SuggestQuery(serializers.Serializer[Any]):
    q = serializers.CharField(max_length=MOST_QUERY, help_text="What has been typed so far.")


class WhyQuery(serializers.Serializer[Any]):
    request_id = serializers.UUIDField(help_text="Of the answer in which the note stood.")


class OwnNotesQuery(serializers.Serializer[Any]):
    state = serializers.ChoiceField(
        choices=["published", "draft", "in_review", "taken_down"],
        default="published",
        help_text="Others than published show one's own notes only.",
    )
