"""Oneself and others, over HTTP."""

from typing import Any, Final, cast

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from redshop.accounts import selectors
from redshop.accounts.api.serializers import (
    AuthorSerializer,
    ConsentChoiceSerializer,
    ConsentsSerializer,
    ErasureSerializer,
    FollowContextSerializer,
    LeaveSerializer,
    MarkedSerializer,
    MeSerializer,
    NotificationSerializer,
    PersonSerializer,
    PreferencesSerializer,
    ProfileSerializer,
    ReadSerializer,
)
from redshop.accounts.api.sessions import parsed
from redshop.accounts.errors import AvatarTooLarge
from redshop.accounts.models import Notification, User
from redshop.accounts.services import (
    avatars,
    consents,
    erasure,
    follows,
    notifications,
    profiles,
)
from redshop.core.api.caching import UNCHANGED, conditional
from redshop.core.api.pagination import CursorPage
from redshop.core.api.parsers import StrictJSONParser
from redshop.core.api.throttling import CredentialsThrottle

#: What a multipart body may weigh beyond its file.
ENVELOPE_BYTES: Final = 64 * 1024


def me(request: Request) -> int:
    """Return the id of the person who calls."""
    return cast(User, request.user).pk


def viewer_id(request: Request) -> int | None:
    """Return the id of the person who calls, None for a visitor."""
    return request.user.pk if request.user is not None else None


class MeView(APIView):
    permission_classes = [IsAuthenticated]
    parser_classes = [StrictJSONParser, MultiPartParser]

    def get_throttles(self) -> list[BaseThrottle]:
        """Let a password be guessed here as seldom as at the login."""
        more = [CredentialsThrottle()] if self.request.method == "DELETE" else []
        return [*super().get_throttles(), *more]

    @extend_schema(
        operation_id="get_me", tags=["accounts"], responses={200: MeSerializer, 304: UNCHANGED}
    )
    def get(self, request: Request) -> Response:
        """Return the person's own profile."""
        return conditional(request, _own_profile(request, cast(User, request.user)))

    @extend_schema(
        operation_id="edit_me", tags=["accounts"], request=ProfileSerializer, responses=MeSerializer
    )
    def patch(self, request: Request) -> Response:
        """Change the person's own profile; what is left out stays as it is."""
        if int(request.META.get("CONTENT_LENGTH") or 0) > avatars.MAX_BYTES + ENVELOPE_BYTES:
            raise AvatarTooLarge
        changes = parsed(ProfileSerializer, request)
        user = profiles.update_profile(person_id=me(request), changes=changes, at=timezone.now())
        return Response(_own_profile(request, user))

    @extend_schema(
        operation_id="erase_me",
        tags=["accounts"],
        request=LeaveSerializer,
        responses={202: ErasureSerializer},
    )
    def delete(self, request: Request) -> Response:
        """Erase oneself: the account is shut at once, and what identifies goes in minutes.

        What others rest on stays without a name: orders, credits, counters. An address stays with
        an order that is on its way until it has arrived. It cannot be taken back.
        """
        person = cast(User, request.user)
        asked = erasure.ask(
            person=person, password=parsed(LeaveSerializer, request)["password"], at=timezone.now()
        )
        return Response(ErasureSerializer(asked).data, status=status.HTTP_202_ACCEPTED)


def _own_profile(request: Request, user: User) -> Any:
    user.counts = selectors.counts_of(user.pk)  # type: ignore[attr-defined]
    return MeSerializer(user, context={"request": request}).data


class PreferencesView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="get_preferences", tags=["accounts"], responses=PreferencesSerializer
    )
    def get(self, request: Request) -> Response:
        """Return how the person wants to be served."""
        return Response(PreferencesSerializer(selectors.preferences_of(me(request))).data)

    @extend_schema(
        operation_id="set_preferences",
        tags=["accounts"],
        request=PreferencesSerializer,
        responses=PreferencesSerializer,
    )
    def put(self, request: Request) -> Response:
        """Set whether the feed is personal, and how much of which topics it holds."""
        wanted = parsed(PreferencesSerializer, request)
        return Response(
            PreferencesSerializer(profiles.set_preferences(person_id=me(request), **wanted)).data
        )


class ConsentsView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="get_consents", tags=["accounts"], responses=ConsentsSerializer)
    def get(self, request: Request) -> Response:
        """Return what the person consented to, and when they said so."""
        return Response(ConsentsSerializer(selectors.consents_given(cast(User, request.user))).data)

    @extend_schema(
        operation_id="set_consents",
        tags=["accounts"],
        request=ConsentChoiceSerializer,
        responses=ConsentsSerializer,
    )
    def put(self, request: Request) -> Response:
        """Grant or withdraw consent; a purpose that is left out stays as it is."""
        wanted = parsed(ConsentChoiceSerializer, request)
        consents.set_consents(person_id=me(request), consents=wanted, at=timezone.now())
        return self.get(request)


@extend_schema_view(get=extend_schema(operation_id="list_notifications", tags=["accounts"]))
class NotificationsView(ListAPIView[Notification]):
    """What the person is told about, newest first."""

    permission_classes = [IsAuthenticated]
    serializer_class = NotificationSerializer

    def get_queryset(self) -> QuerySet[Notification]:
        return Notification.objects.filter(recipient_id=me(self.request)).select_related("actor")


class NotificationsReadView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="read_notifications",
        tags=["accounts"],
        request=ReadSerializer,
        responses=MarkedSerializer,
    )
    def post(self, request: Request) -> Response:
        """Mark notifications as read: all, or all up to one."""
        up_to = parsed(ReadSerializer, request).get("up_to")
        marked = notifications.mark_read(person_id=me(request), up_to_id=up_to, at=timezone.now())
        return Response({"marked": marked})


class PersonView(APIView):
    @extend_schema(
        operation_id="get_person",
        tags=["accounts"],
        responses={200: PersonSerializer, 304: UNCHANGED},
    )
    def get(self, request: Request, handle: str) -> Response:
        """Return a person's public profile."""
        viewer = viewer_id(request)
        person: Any = selectors.visible_person(handle=handle, viewer_id=viewer)
        person.counts = selectors.counts_of(person.pk)
        person.viewer = selectors.relation(viewer_id=viewer, person_id=person.pk)
        return conditional(request, PersonSerializer(person, context={"request": request}).data)


class FollowView(APIView):
    """PUT makes it so, DELETE ends it, both as often as one likes."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="follow",
        tags=["accounts"],
        request=FollowContextSerializer,
        responses={204: None},
    )
    def put(self, request: Request, handle: str) -> Response:
        """Follow a person; the body, which may be left out, says what led there."""
        context = parsed(FollowContextSerializer, request)
        other = selectors.visible_person(handle=handle, viewer_id=me(request))
        follows.follow(follower_id=me(request), followed_id=other.pk, **context, at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(operation_id="unfollow", tags=["accounts"], responses={204: None})
    def delete(self, request: Request, handle: str) -> Response:
        """Follow a person no longer."""
        other = selectors.visible_person(handle=handle, viewer_id=me(request))
        follows.unfollow(follower_id=me(request), followed_id=other.pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class BlockView(APIView):
    """As for follows; one may block whom one cannot see, because they blocked first."""

    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="block", tags=["accounts"], request=None, responses={204: None})
    def put(self, request: Request, handle: str) -> Response:
        """Have nothing to do with a person any more."""
        other = selectors.visible_person(handle=handle, viewer_id=None)
        follows.block(blocker_id=me(request), blocked_id=other.pk, at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(operation_id="unblock", tags=["accounts"], responses={204: None})
    def delete(self, request: Request, handle: str) -> Response:
        """Lift a block."""
        other = selectors.visible_person(handle=handle, viewer_id=None)
        follows.unblock(blocker_id=me(request), blocked_id=other.pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class LatestFirst(CursorPage):
    ordering = "-since"


class PeopleView(ListAPIView[User]):
    """People who stand in one relation to a person, the latest first."""

    serializer_class = AuthorSerializer
    pagination_class = LatestFirst
    queryset = User.objects.none()

    def subject(self) -> int:
        return selectors.visible_person(
            handle=self.kwargs["handle"], viewer_id=viewer_id(self.request)
        ).pk


@extend_schema_view(get=extend_schema(operation_id="list_followers", tags=["accounts"]))
class FollowersView(PeopleView):
    """Who follows a person."""

    def get_queryset(self) -> QuerySet[User]:
        return selectors.followers_of(self.subject(), viewer_id=viewer_id(self.request))


@extend_schema_view(get=extend_schema(operation_id="list_following", tags=["accounts"]))
class FollowingView(PeopleView):
    """Whom a person follows."""

    def get_queryset(self) -> QuerySet[User]:
        return selectors.followed_by(self.subject(), viewer_id=viewer_id(self.request))
