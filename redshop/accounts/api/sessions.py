"""Joining, logging in and out, passwords and proven addresses, over HTTP."""

from typing import Any, cast
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from redshop.accounts import selectors
from redshop.accounts.api.serializers import (
    CodeSerializer,
    DeviceSerializer,
    EmailSerializer,
    LoginSerializer,
    PasswordChangeSerializer,
    RegisterSerializer,
    ResetConfirmSerializer,
    SessionUserSerializer,
    check_strength,
)
from redshop.accounts.models import AccessToken, User
from redshop.accounts.services import passwords, registration, sessions
from redshop.accounts.types import OpenedSession
from redshop.core.api import visitors
from redshop.core.api.pagination import CursorPage
from redshop.core.api.serializers import StrictSerializer
from redshop.core.api.throttling import AccountThrottle, CallerThrottle, CredentialsThrottle


def parsed(serializer: type[StrictSerializer], request: Request) -> dict[str, Any]:
    """Return the body as the serializer understands it.

    Raises:
        ValidationError: it does not.
    """
    reader = serializer(data=request.data)
    reader.is_valid(raise_exception=True)
    return cast(dict[str, Any], reader.validated_data)


def _shown(opened: OpenedSession, request: Request, *, status: int) -> Response:
    """Show a session that was opened, to this device and to no cache between."""
    user = opened.user
    user.counts = selectors.counts_of(user.pk)  # type: ignore[attr-defined]
    body = {"token": opened.secret, "expires_at": opened.token.expires_at, "user": user}
    shown = SessionUserSerializer(body, context={"request": request})
    return Response(shown.data, status=status, headers={"Cache-Control": "no-store"})


class CredentialsView(APIView):
    """A call that anybody may make, but not often."""

    permission_classes = [AllowAny]
    throttle_classes = [CallerThrottle, CredentialsThrottle]


class RegisterView(CredentialsView):
    @extend_schema(
        operation_id="register",
        tags=["accounts"],
        parameters=[visitors.PARAMETER],
        request=RegisterSerializer,
        responses={201: SessionUserSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create an account; this device is logged in, and its history becomes the person's."""
        opened = registration.register(
            **parsed(RegisterSerializer, request),
            visitor_id=visitors.visitor_id_of(request),
            at=timezone.now(),
        )
        return _shown(opened, request, status=status.HTTP_201_CREATED)


class LoginView(CredentialsView):
    throttle_classes = [*CredentialsView.throttle_classes, AccountThrottle]

    @extend_schema(
        operation_id="log_in",
        tags=["accounts"],
        parameters=[visitors.PARAMETER],
        request=LoginSerializer,
        responses=SessionUserSerializer,
    )
    def post(self, request: Request) -> Response:
        """Log this device in by handle or e-mail address."""
        opened = sessions.log_in(
            **parsed(LoginSerializer, request),
            visitor_id=visitors.visitor_id_of(request),
            at=timezone.now(),
        )
        return _shown(opened, request, status=status.HTTP_200_OK)


class LogoutView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="log_out", tags=["accounts"], request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Log this device out."""
        token = cast(AccessToken, request.auth)
        sessions.log_out(token_id=token.pk, person_id=token.user_id, at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class LogoutAllView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="log_out_all", tags=["accounts"], request=None, responses={204: None}
    )
    def post(self, request: Request) -> Response:
        """Log every device out, this one too."""
        sessions.log_out_all(person_id=cast(User, request.user).pk, at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class NewestFirst(CursorPage):
    ordering = "-created_at"


@extend_schema_view(get=extend_schema(operation_id="list_sessions", tags=["accounts"]))
class SessionsView(ListAPIView[AccessToken]):
    """The devices that may act for the person, newest first."""

    permission_classes = [IsAuthenticated]
    serializer_class = DeviceSerializer
    pagination_class = NewestFirst
    queryset = AccessToken.objects.none()

    def get_queryset(self) -> QuerySet[AccessToken]:
        current = cast(AccessToken, self.request.auth)
        alive = AccessToken.objects.alive(at=timezone.now()).filter(user=current.user_id)
        return alive.annotate(is_current=Q(pk=current.pk))


class SessionView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="end_session", tags=["accounts"], responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Log one device out."""
        person_id = cast(User, request.user).pk
        sessions.log_out(token_id=pk, person_id=person_id, at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class PasswordView(APIView):
    permission_classes = [IsAuthenticated]
    throttle_classes = [CallerThrottle, CredentialsThrottle]

    @extend_schema(
        operation_id="change_password",
        tags=["accounts"],
        request=PasswordChangeSerializer,
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        """Change the password; every other session ends."""
        asked = parsed(PasswordChangeSerializer, request)
        user, token = cast(User, request.user), cast(AccessToken, request.auth)
        check_strength(asked["new"], user=user, name="new")
        passwords.change(user=user, **asked, kept_token_id=token.pk, at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class ResetView(CredentialsView):
    @extend_schema(
        operation_id="request_password_reset",
        tags=["accounts"],
        request=EmailSerializer,
        responses={202: None},
    )
    def post(self, request: Request) -> Response:
        """Mail a reset code; the answer is the same where there is no such account."""
        passwords.request_reset(**parsed(EmailSerializer, request), at=timezone.now())
        return Response(status=status.HTTP_202_ACCEPTED)


class ResetConfirmView(CredentialsView):
    @extend_schema(
        operation_id="reset_password",
        tags=["accounts"],
        request=ResetConfirmSerializer,
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        """Set a new password with the code that was mailed; every session ends."""
        asked = parsed(ResetConfirmSerializer, request)
        at = timezone.now()
        user = passwords.person_of_reset(asked["code"], at=at)
        check_strength(asked["new"], user=user, name="new")
        passwords.reset(user=user, new=asked["new"], at=at)
        return Response(status=status.HTTP_204_NO_CONTENT)


class VerifyEmailView(CredentialsView):
    @extend_schema(
        operation_id="verify_email",
        tags=["accounts"],
        request=CodeSerializer,
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        """Prove the address with the code that was mailed to it."""
        passwords.verify_email(**parsed(CodeSerializer, request), at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
