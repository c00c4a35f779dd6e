"""Fetching a picture from an address that somebody names, and nothing inside the deployment.

The address is resolved once and the connection is made to exactly what was looked at, so that a
name which says something else a moment later gains nothing; every redirect is judged anew. Proxies
of the environment are not asked.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from django.core.files import File

from redshop.catalog.errors import AddressRefused, NotFetched

MOST_BYTES: Final = 20 * 1024**2
#: For everything together, and for the connection or a piece of the answer.
SECONDS, PATIENCE = 20.0, 5.0
MOST_REDIRECTS: Final = 3
PORTS: Final = {"http": 80, "https": 443}
LONGEST: Final = 2_000
_PIECE: Final = 64 * 1024

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: Address) -> bool:
    """Tell whether an address is of the internet at large: no private network, no loopback, no
    link-local address (where clouds keep their secrets), and none of these written as IPv6."""
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if inner is not None and not is_public(inner):
        return False
    embedded = getattr(address, "teredo", None)
    if embedded is not None:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


@dataclass(frozen=True, slots=True)
class Fetcher:
    """How addresses are reached; tests reach their own servers by other rules."""

    is_allowed: Callable[[Address], bool] = is_public
    ports: frozenset[int] = frozenset(PORTS.values())
    seconds: float = SECONDS
    most_bytes: int = MOST_BYTES

    def fetch(self, address: str) -> File[bytes]:
        """Return what is at an address; whether it is a picture is for the upload's checks.

        Waits for the network: never inside a transaction.

        Raises:
            AddressRefused: it is no address of the web, or one that is not for everybody.
            NotFetched: nobody answered in time, or not with a file of a size that is taken.
        """
        until = time.monotonic() + self.seconds
        for _ in range(MOST_REDIRECTS + 1):
            target = self._checked(address)
            found = self._ask(target, until=until)
            if isinstance(found, bytes):
                return File(BytesIO(found), name="fetched")
            address = urljoin(address, found)
        raise NotFetched("It leads from one address to another without end.")

    def _checked(self, address: str) -> SplitResult:
        try:
            target = urlsplit(address)
            port, host = target.port, target.hostname
        except ValueError as error:
            raise AddressRefused from error
        if target.scheme not in PORTS or not host or len(address) > LONGEST:
            raise AddressRefused
        if any(ord(letter) <= 0x20 or ord(letter) == 0x7F for letter in address):
            raise AddressRefused
        if target.username is not None or (port or PORTS[target.scheme]) not in self.ports:
            raise AddressRefused
        return target

    def _resolved(self, host: str, port: int) -> Address:
        """Return the first address of a host, of which every one must be allowed."""
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = [ipaddress.ip_address(row[4][0]) for row in rows]
        except (OSError, UnicodeError, ValueError) as error:
            raise NotFetched("There is no such host.") from error
        if not addresses or not all(self.is_allowed(each) for each in addresses):
            raise AddressRefused
        return addresses[0]

    def _ask(self, target: SplitResult, *, until: float) -> bytes | str:
        """Return what is at an address, or where it leads as a text."""
        host, port = target.hostname or "", target.port or PORTS[target.scheme]
        pinned = self._resolved(host, port)
        connection = _Pinned(host, port, pinned, is_secret=target.scheme == "https")
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        try:
            connection.request("GET", path, headers={"Accept": "image/*", "Connection": "close"})
            answer = connection.getresponse()
            if answer.status in {301, 302, 303, 307, 308}:
                return answer.headers.get("Location", "")
            if answer.status != http.client.OK:
                raise NotFetched(f"It answered {answer.status}.")
            return self._read(answer, until=until)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise NotFetched("It did not answer as a server of the web does.") from error
        finally:
            connection.close()

    def _read(self, answer: http.client.HTTPResponse, *, until: float) -> bytes:
        pieces, size = [], 0
        while piece := answer.read1(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > self.most_bytes:
                raise NotFetched("It is larger than what is taken.")
            if time.monotonic() > until:
                raise NotFetched("It took too long.")
        return b"".join(pieces)


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, whatever its name says by now."""

    def __init__(self, host: str, port: int, pinned: Address, *, is_secret: bool) -> None:
        super().__init__(host, port, timeout=PATIENCE)
        self.pinned, self.is_secret = pinned, is_secret

    def connect(self) -> None:
        self.sock = socket.create_connection((str(self.pinned), self.port), PATIENCE)
        if self.is_secret:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)


def fetch(address: str) -> File[bytes]:
    """Return what is at an address of the web.

    Raises: as ``Fetcher.fetch``.
    """
    return Fetcher().fetch(address)
