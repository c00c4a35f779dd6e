"""Notes by topic, author and product, newest first; the topics themselves."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.views import APIView

from notes import selectors
from notes.api.discovery import asked
from notes.api.queries import OwnNotesQuery
from notes.api.serializers import NoteSerializer, TopicSerializer
from notes.models import Note, ProductTag, Topic
from notes.states import NoteState
from notes.types import NoteCard
from redshop.accounts import selectors as accounts
from redshop.accounts.api.people import viewer_id
from redshop.catalog.models import Product
from redshop.core.api.pagination import CursorPage

TAG = ["notes"]


class NewestPage(CursorPage):
    """Published notes by their publication; others, which have none, by their writing."""

    def get_ordering(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> tuple[str, ...]:
        """Return the view's order."""
        return getattr(view, "order", ("-published_at", "-pk"))


class NoteList(ListAPIView[Any]):
    """A list of notes, of which each page is filled with three queries."""

    serializer_class = NoteSerializer
    pagination_class = NewestPage
    queryset = Note.objects.none()
    order: tuple[str, ...] = ("-published_at", "-pk")

    def paginate_queryset(self, queryset: Any) -> Any:
        """Return the page's notes as the viewer sees them."""
        page = super().paginate_queryset(queryset.only("pk", "published_at", "created_at")) or []
        return self.cards_of([note.pk for note in page])

    def cards_of(self, note_ids: list[int]) -> list[NoteCard]:
        """Return the cards in the order of the ids."""
        viewer = viewer_id(self.request)
        cards = selectors.cards(
            note_ids=note_ids, viewer_id=viewer, notes=selectors.openable_by(viewer)
        )
        return [cards[note_id] for note_id in note_ids if note_id in cards]

    def readable(self) -> QuerySet[Note]:
        """Return what the viewer may read."""
        return selectors.readable_by(viewer_id(self.request))


@extend_schema_view(
    get=extend_schema(operation_id="list_notes_of_user", tags=TAG, parameters=[OwnNotesQuery])
)
class PersonNotesView(NoteList):
    """A person's notes; with ``state`` one's own drafts and what was taken down."""

    def get_queryset(self) -> QuerySet[Note]:
        viewer = viewer_id(self.request)
        state = asked(OwnNotesQuery, self.request)["state"]
        person = accounts.visible_person(handle=self.kwargs["handle"], viewer_id=viewer)
        if state == NoteState.PUBLISHED:
            return self.readable().filter(author=person)
        self.order = ("-created_at", "-pk")
        own = selectors.openable_by(viewer).filter(author=person, state=state)
        return own if person.pk == viewer else own.none()


@extend_schema_view(get=extend_schema(operation_id="list_notes_of_product", tags=TAG))
class ProductNotesView(NoteList):
    """The notes that show a product."""

    def get_queryset(self) -> QuerySet[Note]:
        product = get_object_or_404(Product.objects.listed(), pk=self.kwargs["product_id"])
        tags = ProductTag.objects.open().filter(product=product)
        return self.readable().filter(pk__in=tags.values("note"))


@extend_schema_view(get=extend_schema(operation_id="list_notes_of_topic", tags=TAG))
class TopicNotesView(NoteList):
    """The notes about a topic."""

    def get_queryset(self) -> QuerySet[Note]:
        topic = get_object_or_404(Topic, slug=self.kwargs["slug"])
        return self.readable().filter(topics=topic)


class TopicPage(CursorPage):
    ordering = "slug"


@extend_schema_view(get=extend_schema(operation_id="list_topics", tags=TAG))
class TopicsView(ListAPIView[Topic]):
    """What notes are about, in alphabetical order of the slugs."""

    serializer_class = TopicSerializer
    pagination_class = TopicPage
    queryset = Topic.objects.none()

    def get_queryset(self) -> QuerySet[Topic]:
        return selectors.topics_with_counts()


@extend_schema_view(get=extend_schema(operation_id="get_topic", tags=TAG))
class TopicView(RetrieveAPIView[Topic]):
    """One topic; its notes are a list of their own."""

    serializer_class = TopicSerializer
    queryset = Topic.objects.none()
    lookup_field = "slug"

    def get_queryset(self) -> QuerySet[Topic]:
        return selectors.topics_with_counts()
