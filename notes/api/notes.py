"""Notes over HTTP: written, read, reacted to."""

from collections.abc import Callable
from typing import Any, ClassVar, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notes import selectors
from notes.api.serializers import (
    ChangeSerializer,
    DraftSerializer,
    NoteCountsSerializer,
    NoteSerializer,
    TapSerializer,
)
from notes.services import authoring, reactions
from notes.types import NoteChanges
from redshop.accounts.api.people import me, viewer_id
from redshop.accounts.api.sessions import parsed
from redshop.core.api.caching import conditional

TAG = ["notes"]


def shown(request: Request, note_id: int) -> Any:
    """Return the note as the caller sees it, as JSON.

    Raises:
        NotFound: there is none, or it is not for the caller.
    """
    card = selectors.card(note_id=note_id, viewer_id=viewer_id(request))
    return NoteSerializer(card, context={"request": request}).data


class NotesView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="create_note",
        tags=TAG,
        request=DraftSerializer,
        responses={201: NoteSerializer},
    )
    def post(self, request: Request) -> Response:
        """Write a draft, which only its author sees until it is published."""
        draft = parsed(DraftSerializer, request)
        note = authoring.create_draft(author_id=me(request), at=timezone.now(), **draft)
        return Response(shown(request, note.pk), status=status.HTTP_201_CREATED)


class NoteView(APIView):
    @extend_schema(operation_id="get_note", tags=TAG, responses={200: NoteSerializer, 304: None})
    def get(self, request: Request, note_id: int) -> Response:
        """Return a note. Reading it is reported by the client (``note_open``), not assumed."""
        return conditional(request, shown(request, note_id))

    @extend_schema(
        operation_id="edit_note", tags=TAG, request=ChangeSerializer, responses=NoteSerializer
    )
    def patch(self, request: Request, note_id: int) -> Response:
        """Change one's own note; what is left out stays. The rules of publishing still hold."""
        changes = cast(NoteChanges, parsed(ChangeSerializer, request))
        authoring.edit(note_id=note_id, author_id=me(request), at=timezone.now(), changes=changes)
        return Response(shown(request, note_id))

    @extend_schema(operation_id="delete_note", tags=TAG, responses={204: None})
    def delete(self, request: Request, note_id: int) -> Response:
        """Delete one's own note for good."""
        authoring.delete(note_id=note_id, author_id=me(request), at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class PublishView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="publish_note", tags=TAG, request=None, responses=NoteSerializer)
    def post(self, request: Request, note_id: int) -> Response:
        """Publish one's own draft; publishing it again changes nothing.

        422 ``disclosure_required`` where it is commercial and does not say so; 422
        ``content_refused`` with the ``rule`` that it breaks and how to mend it. Where a person has
        to look first, the note is ``in_review`` afterwards. ``GET /notes/{id}/check`` tells before.
        """
        authoring.publish(note_id=note_id, author_id=me(request), at=timezone.now())
        return Response(shown(request, note_id))


class TapView(APIView):
    """A relation between a person and a note, set and lifted any number of times."""

    permission_classes = [IsAuthenticated]
    do: ClassVar[Callable[..., bool]]
    undo: ClassVar[Callable[..., bool]]

    def put(self, request: Request, note_id: int) -> Response:
        """Set it; 204 whether or not that is new."""
        tap = parsed(TapSerializer, request)
        self.do(note_id=note_id, person_id=me(request), at=timezone.now(), **tap)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def delete(self, request: Request, note_id: int) -> Response:
        """Lift it; 204 whether or not it was set."""
        self.undo(note_id=note_id, person_id=me(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _tap(name: str) -> Callable[[type[TapView]], type[TapView]]:
    """Name the two operations of a reaction in the schema."""
    return extend_schema_view(
        put=extend_schema(
            operation_id=f"{name}_note", tags=TAG, request=TapSerializer, responses={204: None}
        ),
        delete=extend_schema(operation_id=f"un{name}_note", tags=TAG, responses={204: None}),
    )


@_tap("like")
class LikeView(TapView):
    do = staticmethod(reactions.like)
    undo = staticmethod(reactions.unlike)


@_tap("save")
class SaveView(TapView):
    do = staticmethod(reactions.save)
    undo = staticmethod(reactions.unsave)


@_tap("hide")
class HideView(TapView):
    do = staticmethod(reactions.hide)
    undo = staticmethod(reactions.unhide)


class ShareView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="share_note",
        tags=TAG,
        request=TapSerializer,
        responses={201: NoteCountsSerializer},
    )
    def post(self, request: Request, note_id: int) -> Response:
        """Say that one passed the note on; each time counts. Returns its counts."""
        tap = parsed(TapSerializer, request)
        person_id = me(request)
        reactions.share(note_id=note_id, person_id=person_id, at=timezone.now(), **tap)
        card = selectors.card(note_id=note_id, viewer_id=person_id)
        return Response(NoteCountsSerializer(card.counts).data, status=status.HTTP_201_CREATED)
