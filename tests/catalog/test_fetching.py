"""Pictures fetched from the internet: nothing inside is reached, however it is said."""

import http.server
import io
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.test import Client
from PIL import Image

from redshop.accounts.models import User
from redshop.catalog.errors import AddressRefused, NotFetched
from redshop.catalog.models import Media
from redshop.catalog.services import fetching
from redshop.catalog.services.fetching import Fetcher, is_public


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 40), (200, 30, 60)).save(out, "JPEG")
    return out.getvalue()


class Handler(http.server.BaseHTTPRequestHandler):
    asked: ClassVar[list[tuple[str, str]]] = []
    leads_to: ClassVar[str] = ""

    def do_GET(self) -> None:
        self.asked.append((self.headers["Host"], self.path))
        match self.path:
            case "/picture.jpg":
                self._answer(200, picture())
            case "/page":
                self._answer(200, b"<html>secret</html>")
            case "/away":
                self._answer(302, b"", Location=self.leads_to)
            case "/round":
                self._answer(302, b"", Location="/round")
            case "/large":
                self._answer(200, b"x" * 300_000)
            case "/slow":
                self.send_response(200)
                self.end_headers()
                for _ in range(20):
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.1)
            case _:
                self._answer(404, b"")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[int]:
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    Handler.asked.clear()
    yield made.server_port
    made.shutdown()
    made.server_close()
    thread.join()


def lenient(port: int, **rest: Any) -> Fetcher:
    """Return one that may reach this machine, at one port."""
    return Fetcher(is_allowed=lambda _: True, ports=frozenset({port}), **rest)


def test_a_picture_is_fetched_by_its_name(server: int) -> None:
    found = lenient(server).fetch(f"http://localhost:{server}/picture.jpg")

    assert found.read() == picture()
    assert Handler.asked == [(f"localhost:{server}", "/picture.jpg")]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
        "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "2002:7f00:1::", "2001:0:1::1", "2001:db8::1", "64:ff9b:1::1",
    ],
)  # fmt: skip
def test_what_is_not_for_everybody_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:2800:220:1::1"])
def test_what_is_for_everybody_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd", "ftp://example.com/a.jpg", "gopher://example.com", "//example.com/a",
        "http:///a.jpg", "http://", "not an address", "http://user:word@example.com/a.jpg",
        "http://example.com:22/", "http://example.com:6379/", "http://example.com:99999/",
        "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/",
        "http://0177.0.0.1/", "http://localhost/", "http://[::1]/", "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://0.0.0.0/",
        "http://example.com/a\r\nHost: inside", "http://[::1", "https://" + "a" * 2_100,
    ],
)  # fmt: skip
def test_what_leads_inside_or_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused):
        Fetcher().fetch(address)


def test_a_name_that_leads_inside_is_refused_before_anything_is_asked(
    server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def inside(host: str, port: int, **_: Any) -> list[Any]:
        rows = ["93.184.215.14", "127.0.0.1"]  # of two, one is inside
        return [(0, 0, 0, "", (each, port)) for each in rows]

    monkeypatch.setattr(socket, "getaddrinfo", inside)
    with pytest.raises(AddressRefused):
        Fetcher(ports=frozenset({server})).fetch(f"http://pictures.example:{server}/picture.jpg")
    assert Handler.asked == []


def test_a_name_is_asked_for_once_and_the_connection_goes_where_it_said(
    server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["127.0.0.1"])  # whoever asks again gets nothing

    def once(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        if host == "127.0.0.1":
            kind = socket.SOCK_STREAM
            return [(socket.AF_INET, kind, 6, "", ("127.0.0.1", port))]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", once)
    found = lenient(server).fetch(f"http://pictures.example:{server}/picture.jpg")
    assert found.read() == picture()


def test_a_redirect_is_judged_like_an_address(server: int) -> None:
    Handler.leads_to = "http://169.254.169.254/latest/meta-data/"
    only_here = Fetcher(
        is_allowed=lambda each: str(each) == "127.0.0.1", ports=frozenset({server, 80})
    )
    with pytest.raises(AddressRefused):
        only_here.fetch(f"http://127.0.0.1:{server}/away")
    Handler.leads_to = "file:///etc/passwd"
    with pytest.raises(AddressRefused):
        only_here.fetch(f"http://127.0.0.1:{server}/away")
    Handler.leads_to = "/picture.jpg"
    assert only_here.fetch(f"http://127.0.0.1:{server}/away").read() == picture()


@pytest.mark.parametrize("path", ["round", "large", "slow", "nothing"])
def test_what_does_not_end_or_is_not_there_is_given_up(server: int, path: str) -> None:
    began = time.monotonic()
    with pytest.raises(NotFetched):
        lenient(server, seconds=0.5, most_bytes=100_000).fetch(f"http://localhost:{server}/{path}")
    assert time.monotonic() - began < 5


def test_nobody_there_is_a_refusal_and_no_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NotFetched):
        lenient(port).fetch(f"http://127.0.0.1:{port}/a.jpg")


@pytest.mark.django_db
def test_the_button_keeps_pictures_and_nothing_else(
    client: Client, server: int, tmp_path: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MEDIA_ROOT = tmp_path
    client.force_login(User.objects.create_superuser("root", "root@example.com", "pw"))

    def press(path: str) -> str:
        form = {"_form_submitted": "true", "address": f"http://localhost:{server}/{path}"}
        client.post("/admin/catalog/media/fetch/", form, headers={"HX-Request": "1"})
        return client.get("/admin/catalog/media/").content.decode()

    assert "public internet only" in press("picture.jpg")  # as it is, this machine is refused
    monkeypatch.setattr(fetching, "fetch", lenient(server).fetch)
    assert "Pictures are taken as" in press("page")
    assert not Media.objects.exists()
    assert "A copy was kept." in press("picture.jpg")
    kept = Media.objects.get()
    assert (kept.owner_id, kept.width) == (None, 60)
