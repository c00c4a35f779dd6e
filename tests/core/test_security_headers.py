"""What browsers are told they may do with an answer."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/admin/login/", "/transparency", "/api/docs"])
def test_pages_load_from_here_alone_and_are_framed_by_nobody(path: str) -> None:
    headers = Client().get(path).headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "object-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    expected = "unsafe-none" if path == "/api/docs" else "same-origin"  # its OAuth window
    assert headers["Cross-Origin-Opener-Policy"] == expected
    assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.parametrize("path", ["/api/v1/topics", "/api/v1/notes/1", "/healthz"])
def test_data_loads_nothing(path: str) -> None:
    policy = Client().get(path).headers["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'")
