"""Telling shops what happened: signed, again and again until they say they have it."""

import hashlib
import heapq
import hmac
import http.client
import json
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

from orders.sandbox.behaviour import Behaviour
from orders.sandbox.journal import Journal
from orders.sandbox.types import Charge

HEADER: Final = "Sandbox-Signature"
PATIENCE_SECONDS: Final = 5.0
BACKOFF_SECONDS: Final = (0.5, 1, 2, 5, 10, 30, 60)
#: How many may be told at the same time, so that one shop which hangs holds up nobody else.
LINES: Final = 8


def signature(body: bytes, *, secret: str, now: float) -> str:
    """Return the header that proves who sent a body, and when: HMAC-SHA256 of ``time.body``."""
    moment = str(int(now))
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"t={moment},v1={digest.hexdigest()}"


@dataclass(slots=True)
class Delivery:
    """One event on its way to one address; the moment is in seconds since 1970."""

    id: str
    url: str
    body: str
    due_at: float
    attempts: int = 0


class Messenger:
    """Delivers what is due; what nobody has acknowledged is in the journal."""

    def __init__(
        self, journal: Journal, *, secret: str, behaviour: Callable[[], Behaviour]
    ) -> None:
        self._journal, self._secret, self._behaviour = journal, secret, behaviour
        self._waiting: dict[str, Delivery] = {}
        self._queue: list[tuple[float, int, str]] = []
        self._number = 0
        self._lock = threading.Lock()
        self._lines = ThreadPoolExecutor(LINES, thread_name_prefix="webhook")
        self._chance = random.Random()  # noqa: S311 - disorder, not a secret

    def remember(self, entry: dict[str, Any]) -> None:
        """Take up one line of the journal."""
        self.send(entry.get("deliveries", []))
        if "delivered" in entry:
            self._waiting.pop(entry["delivered"], None)

    @property
    def waiting(self) -> int:
        """How many deliveries nobody has acknowledged."""
        return len(self._waiting)

    def prepare(self, kind: str, charge: Charge, subject: dict[str, Any]) -> list[dict[str, Any]]:
        """Return how a shop is to be told of an event, as the behaviour says: late, in copies,
        out of order."""
        behaviour = self._behaviour()
        url = charge.webhook_url
        if not url or behaviour.webhooks == "off":
            return []
        now = time.time()
        body = json.dumps({"id": str(uuid4()), "type": kind, "created_at": now, "data": subject})
        moments = (
            now + behaviour.webhook_delay_ms / 1_000 + self._disorder(charge)
            for _ in range(behaviour.webhook_copies)
        )
        return [asdict(Delivery(str(uuid4()), url, body, due_at)) for due_at in moments]

    def send(self, prepared: list[dict[str, Any]]) -> None:
        """Deliver, when they are due, what was prepared and is in the journal."""
        for each in prepared:
            self._add(Delivery(**each))

    def deliver_due(self, *, now: float) -> None:
        """Start the delivery of what is due; returns at once."""
        with self._lock:
            while self._queue and self._queue[0][0] <= now:
                _, _, name = heapq.heappop(self._queue)
                if delivery := self._waiting.get(name):
                    self._lines.submit(self._attempt, delivery)

    def deliver_now(self) -> None:
        """Deliver what is due and wait until the shop has answered, for some seconds at most."""
        self.deliver_due(now=time.time())
        until = time.monotonic() + PATIENCE_SECONDS
        while self._waiting and time.monotonic() < until:
            time.sleep(0.01)

    def _disorder(self, charge: Charge) -> float:
        """Return how many seconds an event is held back for the sake of disorder."""
        behaviour = self._behaviour()
        spread = behaviour.webhook_spread_ms / 1_000
        match behaviour.webhook_order:
            case "reversed":
                return spread / max(charge.events, 1) ** 2
            case "shuffled":
                return self._chance.uniform(0, spread)
            case _:
                return 0.0

    def _add(self, delivery: Delivery) -> None:
        with self._lock:
            self._waiting[delivery.id] = delivery
            self._plan(delivery)

    def _plan(self, delivery: Delivery) -> None:
        self._number += 1
        heapq.heappush(self._queue, (delivery.due_at, self._number, delivery.id))

    def _attempt(self, delivery: Delivery) -> None:
        if self._send(delivery):
            self._journal.append({"delivered": delivery.id})
            with self._lock:
                self._waiting.pop(delivery.id, None)
            return
        pause = BACKOFF_SECONDS[min(delivery.attempts, len(BACKOFF_SECONDS) - 1)]
        delivery.attempts += 1
        delivery.due_at = time.time() + pause
        self._add(delivery)

    def _send(self, delivery: Delivery) -> bool:
        """Post an event once; tell whether the shop has it."""
        body = delivery.body.encode()
        parts = urlsplit(delivery.url)
        headers = {
            "Content-Type": "application/json",
            HEADER: signature(body, secret=self._secret, now=time.time()),
        }
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        line = kind(parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS)
        try:
            line.request(
                "POST", parts.path + (f"?{parts.query}" if parts.query else ""), body, headers
            )
            return 200 <= line.getresponse().status < 300
        except (OSError, ValueError, http.client.HTTPException):
            return False
        finally:
            line.close()
