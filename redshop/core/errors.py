"""Refusals: an action that the rules do not allow, told as a fact with a stable code."""

from collections.abc import Mapping
from typing import Any, ClassVar


class DomainError(Exception):
    """The request cannot be carried out.

    The docstring of a subclass is its message. ``extra`` members join the problem document;
    ``retry_after`` (seconds) becomes the header of that name.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 422
    retry_after: ClassVar[int | None] = None

    def __init__(self, detail: str | None = None, **extra: Any) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip().splitlines()[0]
        self.extra: Mapping[str, Any] = extra
        super().__init__(self.detail)


class NotFound(DomainError):
    """There is no such thing here."""

    code = "not_found"
    status = 404


class Busy(DomainError):
    """Others are changing the same thing; try again shortly."""

    code = "busy"
    status = 409
    retry_after = 1


class InvalidInput(DomainError):
    """Something in the request is not valid."""

    code = "invalid"
    status = 400

    def __init__(self, *, pointer: str, code: str, message: str) -> None:
        super().__init__(errors=[{"pointer": pointer, "code": code, "message": message}])
