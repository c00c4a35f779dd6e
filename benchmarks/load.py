"""A small load generator: a few threads, each with one connection that stays open.

It is written on ``http.client`` because the generator shares the machine with what it measures:
the less it uses, the less it disturbs.
"""

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4


class Refused(Exception):
    """The system answered something else than success: what was measured would mean nothing."""


class Caller:
    """One client with one connection, as a person or as nobody."""

    def __init__(self, host: str, *, token: str | None = None) -> None:
        self._connection = http.client.HTTPConnection(host, timeout=30)
        self._headers = {"Content-Type": "application/json", "X-Visitor-Id": str(uuid4())}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, body: Any = None, *, has_key: bool = False) -> Any:
        """Call the API and return what its JSON says.

        Raises:
            Refused: the answer is not a success.
        """
        headers = {**self._headers, "Idempotency-Key": str(uuid4())} if has_key else self._headers
        sent = None if body is None else json.dumps(body).encode()
        response = self._answer(method, f"/api/v1{path}", sent, headers)
        content = response.read()
        if response.status >= 300:
            raise Refused(f"{method} {path}: {response.status} {content[:300].decode()}")
        return json.loads(content) if content else None

    def _answer(
        self, method: str, path: str, sent: bytes | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        """Send once; again where the server had closed a connection that was idle for long."""
        try:
            self._connection.request(method, path, body=sent, headers=headers)
            return self._connection.getresponse()
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            self._connection.close()
            self._connection.request(method, path, body=sent, headers=headers)
            return self._connection.getresponse()


@dataclass(frozen=True, slots=True)
class Load:
    """How long each operation took, and all of them together (seconds)."""

    durations: list[float]
    elapsed: float

    def percentile(self, share: float) -> float:
        """Return the duration that this share of the operations did not exceed."""
        ordered = sorted(self.durations)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def run(operations: list[Callable[[], object]], *, count: int, at_most_seconds: float) -> Load:
    """Run operations at once, one a thread, each again and again, ``count`` times in all.

    Raises:
        Refused: one of them failed.
    """
    durations: list[float] = []
    failures: list[BaseException] = []
    begin = time.perf_counter()

    def repeat(operation: Callable[[], object]) -> None:
        try:
            for _ in range(count // len(operations)):
                start = time.perf_counter()
                operation()
                durations.append(time.perf_counter() - start)
                if failures or time.perf_counter() - begin > at_most_seconds:
                    return
        except BaseException as error:  # noqa: BLE001 - raised again below, in the main thread
            failures.append(error)

    threads = [threading.Thread(target=repeat, args=(operation,)) for operation in operations]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return Load(durations, time.perf_counter() - begin)
