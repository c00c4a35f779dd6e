"""The sandbox payment company as a process of its own, and a shop that only listens."""

import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from config.embedded import ROOT
from config.processes import wait_until

SECRET, WEBHOOK_SECRET = "the-shop-s-own-key", "what-webhooks-are-signed-with"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Company:
    """A running sandbox, and the ways to it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start the process, on the port that it had before."""
        self.port = self.port or free_port()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "sandbox", "--port", str(self.port)],
            cwd=ROOT,
            env={
                **{name: value for name, value in os.environ.items() if "_URL" not in name},
                "DJANGO_SETTINGS_MODULE": "config.settings.local",
                "REDSHOP_STATE_DIR": str(self.state),
                "SANDBOX_SECRET": SECRET,
                "SANDBOX_WEBHOOK_SECRET": WEBHOOK_SECRET,
            },
        )
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {SECRET}"}, timeout=20
        )
        assert wait_until(self._answers, seconds=20)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.http.close()

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=10) == 0
        self.http.close()

    def charge(self, token: str = "", amount_minor: int = 12_900, **more: Any) -> Any:
        """Ask for a charge; return what the company says of it."""
        return self.put(str(more.pop("id", uuid4())), token, amount_minor, **more).json()

    def put(
        self, charge_id: str, token: str = "", amount_minor: int = 12_900, **more: Any
    ) -> httpx.Response:
        body = {"amount_minor": amount_minor, "currency": "CNY", "token": token, **more}
        return self.http.put(f"/v1/charges/{charge_id}", json=body)

    def look_up(self, charge_id: str) -> Any:
        return self.http.get(f"/v1/charges/{charge_id}").json()

    def refund(
        self, charge_id: str, amount_minor: int, refund_id: str | None = None
    ) -> httpx.Response:
        path = f"/v1/charges/{charge_id}/refunds/{refund_id or uuid4()}"
        return self.http.put(path, json={"amount_minor": amount_minor})

    def record(self) -> Any:
        """Return everything that it knows."""
        return self.http.get("/v1/record").json()

    def behave(self, **switches: Any) -> None:
        self.http.put("/v1/behaviour", json=switches).raise_for_status()

    def _answers(self) -> bool:
        try:
            return self.http.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False


class Shop:
    """Somebody who is told by webhook, and believes only what is signed."""

    def __init__(self) -> None:
        shop = self
        self.heard: list[tuple[Any, str]] = []
        self.bodies: list[bytes] = []
        self.status = 200

        class Ear(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                shop.bodies.append(body)
                shop.heard.append((json.loads(body), signature_of(body, self.headers)))
                self.send_response(shop.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/told"

    def kinds(self) -> list[str]:
        """Return the kinds of the events, in the order in which they came."""
        return [event["type"] for event, _ in self.heard]

    def hears(self, condition: Callable[[], bool], *, seconds: float = 10) -> bool:
        return wait_until(condition, seconds=seconds)


def signature_of(body: bytes, headers: Any) -> str:
    """Tell whether the header proves who sent the body: "good", or why not."""
    parts = dict(part.split("=", 1) for part in headers["Sandbox-Signature"].split(","))
    signed = f"{parts['t']}.".encode() + body
    expected = hmac.new(WEBHOOK_SECRET.encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, parts["v1"]):
        return "forged"
    return "good" if abs(time.time() - int(parts["t"])) < 60 else "stale"
