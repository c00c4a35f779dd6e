"""Comments over HTTP."""

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notes import selectors
from notes.api.serializers import CommentSerializer, SayingSerializer
from notes.models import Comment
from notes.services import comments
from redshop.accounts.api.people import me, viewer_id
from redshop.accounts.api.sessions import parsed

TAG = ["notes"]


@extend_schema_view(get=extend_schema(operation_id="list_comments", tags=TAG))
class CommentsView(ListAPIView[Comment]):
    """What was said under a note, newest first, replies among the rest."""

    serializer_class = CommentSerializer
    queryset = Comment.objects.none()

    def get_queryset(self) -> QuerySet[Comment]:
        viewer = viewer_id(self.request)
        selectors.check_openable(note_id=self.kwargs["note_id"], viewer_id=viewer)
        return selectors.comments_under(note_id=self.kwargs["note_id"], viewer_id=viewer)

    @extend_schema(
        operation_id="create_comment",
        tags=TAG,
        request=SayingSerializer,
        responses={201: CommentSerializer},
    )
    def post(self, request: Request, note_id: int) -> Response:
        """Say something under a note, or, with ``reply_to``, to a comment that is no reply."""
        saying = parsed(SayingSerializer, request)
        author_id = me(request)
        said = comments.comment(note_id=note_id, author_id=author_id, at=timezone.now(), **saying)
        row = selectors.comments_under(note_id=note_id, viewer_id=author_id).get(pk=said.pk)
        return Response(
            CommentSerializer(row, context={"request": request}).data,
            status=status.HTTP_201_CREATED,
        )


class CommentView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="delete_comment", tags=TAG, responses={204: None})
    def delete(self, request: Request, comment_id: int) -> Response:
        """Take back what one said, with the replies to it."""
        comments.delete(comment_id=comment_id, author_id=me(request), at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class CommentLikeView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="like_comment", tags=TAG, request=None, responses={204: None})
    def put(self, request: Request, comment_id: int) -> Response:
        """Like a comment; 204 whether or not that is new."""
        comments.like(comment_id=comment_id, person_id=me(request), at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(operation_id="unlike_comment", tags=TAG, responses={204: None})
    def delete(self, request: Request, comment_id: int) -> Response:
        """Take the like back; 204 whether or not there was one."""
        comments.unlike(comment_id=comment_id, person_id=me(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
