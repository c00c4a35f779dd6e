"""Whatever is sent, the answer is one that the OpenAPI document promises, and never a 5xx.

Calls come from the document itself (Schemathesis): valid ones, and ones that break it in every
way; half of them about objects that are there, as their owner, so that they reach further.
"""

from typing import Any, Final

import pytest
import requests
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.contract.operations import Operation, document
from tests.contract.permissions import MATRIX, Role
from tests.contract.test_permissions import OPERATIONS, PREFIX, World, name_of, undone

pytestmark = pytest.mark.django_db

SCHEMA: Final = schemathesis.openapi.from_dict(document())
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
#: Calls of each operation: together more than 2,000, and 20,000 in ``make soak``.
DAILY: Final = 2_000 // len(OPERATIONS) + 1
SOAKED: Final = 20_000 // len(OPERATIONS) + 1
#: Headers that the client sets itself.
_OWN: Final = frozenset({"content-type", "content-length", "host", "cookie"})


def answered(case: Any, path: str, token: str | None) -> Response:
    """Send a case to the project and return its answer as the checks want it."""
    told = case.as_transport_kwargs(base_url="http://testserver")
    told["url"] = f"http://testserver{path}"
    wanted = {k: told.get(k) for k in ("method", "url", "json", "data", "params", "files")}
    request = requests.Request(**wanted).prepare()
    headers = {
        name: value
        for name, value in {**(case.headers or {})}.items()
        if name.lower() not in _OWN and _is_sendable(name, value)
    }
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    body: Any = request.body or b""
    response = Client(raise_request_exception=False).generic(
        case.method,
        request.url.removeprefix("http://testserver") if request.url else path,
        body if isinstance(body, bytes) else body.encode(),
        content_type=str(request.headers.get("Content-Type", "application/json")),
        headers=headers,
    )
    return Response(
        status_code=response.status_code,
        headers={name.lower(): [value] for name, value in response.headers.items()},
        content=b"".join(response) if response.streaming else response.content,
        request=request,
        elapsed=0.0,
        verify=False,
    )


def _is_sendable(name: str, value: object) -> bool:
    """Tell whether a server would get a header at all."""
    text = f"{name}{value}"
    return name.replace("-", "").isalnum() and text.isascii() and text.isprintable()


def hold(operation: Operation, calls: int, *, is_random: bool) -> None:
    """Call an operation many times, each undone, and hold every answer to the document."""
    world = World()
    there = PREFIX + world.path_of(operation, MATRIX[name_of(operation)])
    asked = SCHEMA[operation.path][operation.method.upper()]

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        strategy = asked.as_strategy(generation_mode=mode)

        @given(case=strategy, is_there=st.booleans(), is_owner=st.booleans())
        @settings(
            max_examples=calls // 2 + 1,
            derandomize=not is_random,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            verbosity=Verbosity.quiet,
            suppress_health_check=list(HealthCheck),
        )
        def call(case: Any, is_there: bool, is_owner: bool) -> None:
            path = there if is_there else case.formatted_path
            token = world.tokens[Role.OWNER] if is_owner else None
            with undone():
                answer = answered(case, path, token)
            case.validate_response(answer, checks=CHECKS)

        try:
            call()
        except Unsatisfiable:  # nothing that it takes can be wrong
            assert mode is GenerationMode.NEGATIVE


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_every_answer_is_promised(operation: Operation) -> None:
    hold(operation, DAILY, is_random=False)


@pytest.mark.soak
@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_every_answer_to_twenty_thousand_calls_is_promised(operation: Operation) -> None:
    hold(operation, SOAKED, is_random=True)
