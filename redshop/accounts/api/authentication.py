"""Bearer tokens."""

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from redshop.accounts.models import AccessToken, User
from redshop.accounts.services import sessions


class BearerAuthentication(BaseAuthentication):
    """``Authorization: Bearer <token>``: the person whose device bears it."""

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        """Return the person and their token, None for a visitor.

        Raises:
            AuthenticationFailed: the header is there but opens nothing.
        """
        given = request.headers.get("Authorization", "").strip()
        if not given:
            return None
        scheme, _, secret = given.partition(" ")
        if scheme.lower() != "bearer":
            raise AuthenticationFailed("Only bearer tokens are taken: Authorization: Bearer ….")
        at = timezone.now()
        token = sessions.bearer_of(secret.strip(), at=at)
        if token is None:
            raise AuthenticationFailed("This token is unknown, expired or revoked.")
        sessions.note_use(token, at=at)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
