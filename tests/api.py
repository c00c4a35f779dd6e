"""A client of the REST API for tests: JSON in, responses out."""

import json
from typing import Any
from uuid import UUID, uuid4

from django.test import Client


class ApiClient:
    """Calls paths below ``/api/v1`` as a person's device, or as a visitor without a token."""

    def __init__(self, *, token: str | None = None, visitor: UUID | None = None) -> None:
        self.token = token
        self.visitor = visitor
        self._client = Client()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: UUID | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Send a request; ``key`` becomes the Idempotency-Key."""
        sent = dict(headers or {})
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if self.visitor:
            sent.setdefault("X-Visitor-Id", str(self.visitor))
        if key:
            sent.setdefault("Idempotency-Key", str(key))
        return self._client.generic(
            method,
            f"/api/v1{path}",
            b"" if body is None else json.dumps(body).encode(),
            content_type="application/json",
            headers=sent,
        )

    def get(self, path: str, **rest: Any) -> Any:
        return self.call("GET", path, **rest)

    def post(self, path: str, body: Any = None, **rest: Any) -> Any:
        return self.call("POST", path, body, **rest)

    def post_once(self, path: str, body: Any = None, **rest: Any) -> Any:
        """Post with a fresh Idempotency-Key."""
        return self.call("POST", path, body, key=uuid4(), **rest)

    def put(self, path: str, body: Any = None, **rest: Any) -> Any:
        return self.call("PUT", path, body, **rest)

    def patch(self, path: str, body: Any = None, **rest: Any) -> Any:
        return self.call("PATCH", path, body, **rest)

    def delete(self, path: str, body: Any = None, **rest: Any) -> Any:
        return self.call("DELETE", path, body, **rest)
