"""Bearer tokens."""

import hashlib

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from redshop.accounts.models import AccessToken, User


class BearerAuthentication(BaseAuthentication):
    """``Authorization: Bearer <token>``: the person whose device bears it."""

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        digest = hashlib.sha256(token.strip()).hexdigest()
        found = (
            AccessToken.objects.alive(at=timezone.now())
            .filter(digest=digest)
            .select_related("user")
            .first()
        )
        if found is None:
            raise AuthenticationFailed("This token is unknown, expired or revoked.")
        return found.user, found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
