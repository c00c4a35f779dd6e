"""The OpenAPI document: every operation says which problems it answers with."""

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse

from redshop.core.api.serializers import ProblemSerializer

_PROBLEMS = {
    "400": "The request is malformed or not valid.",
    "401": "A token is needed, or the one given is not valid.",
    "403": "This role may not do that.",
    "404": "There is no such thing, or it is not yours.",
    "406": "There is no representation of the type asked for.",
    "409": "It cannot be done in the present state, or others are at it.",
    "413": "The body is too large.",
    "415": "The body is of a type that is not taken.",
    "422": "A rule refuses it.",
    "429": "Too many calls; Retry-After says when to come back.",
}


class ProblemAutoSchema(AutoSchema):
    """Adds the problem answers, so that generated clients know them."""

    def _get_response_bodies(
        self, direction: Literal["request", "response"] = "response"
    ) -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status, description in _PROBLEMS.items():
            if status not in bodies:
                bodies[status] = self._get_response_for_code(  # type: ignore[no-untyped-call]
                    OpenApiResponse(ProblemSerializer, description),
                    status,
                    ["application/problem+json"],
                    direction,
                )
        return bodies
