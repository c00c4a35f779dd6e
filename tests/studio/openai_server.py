"""A server that speaks OpenAI's protocol over real HTTP, and misbehaves as it is told."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VARIANTS = [
    {"segment": "everybody", "title": "Linen, explained", "body": "It is woven in small batches."},
    {"segment": "nobody", "title": "Who is it for?", "body": "For warm days, at home and outside."},
]


@dataclass
class Behaviour:
    """What the server does next; ``asked`` is what it was asked for."""

    text: str = field(default_factory=lambda: json.dumps({"variants": VARIANTS}))
    statuses: list[int] = field(default_factory=list)  #: answered before anything is written
    finish: str = "stop"
    refusal: str = ""
    pause: float = 0.0  #: before each piece
    breaks_off: bool = False
    is_no_stream: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    behaviour: Behaviour

    def do_POST(self) -> None:
        behaviour = self.behaviour
        size = int(self.headers["Content-Length"])
        behaviour.asked.append(json.loads(self.rfile.read(size)) | {"path": self.path})
        behaviour.keys.append(self.headers.get("Authorization", ""))
        if behaviour.statuses and (status := behaviour.statuses.pop(0)) != 200:
            body = json.dumps({"error": {"message": "no", "type": "test"}}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Retry-After-Ms", "1")
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked has gone
            self._stream(behaviour)

    def _stream(self, behaviour: Behaviour) -> None:
        if behaviour.is_no_stream:
            self.wfile.write(b"data: {not json at all\n\n")
            return
        pieces = [behaviour.text[place : place + 40] for place in range(0, len(behaviour.text), 40)]
        for number, piece in enumerate(pieces):
            time.sleep(behaviour.pause)
            if behaviour.breaks_off and number == 1:
                return
            self._send({"choices": [self._choice({"content": piece})]})
        last = {"refusal": behaviour.refusal} if behaviour.refusal else {}
        self._send({"choices": [self._choice(last, finish=behaviour.finish)]})
        usage = {"prompt_tokens": 321, "completion_tokens": 45, "total_tokens": 366}
        self._send({"choices": [], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")

    def _choice(self, delta: dict[str, Any], *, finish: str | None = None) -> dict[str, Any]:
        return {"index": 0, "delta": delta, "finish_reason": finish}

    def _send(self, told: dict[str, Any]) -> None:
        head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "tiny-1"}
        self.wfile.write(f"data: {json.dumps(head | told)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[tuple[str, Behaviour]]:
    """Serve on a free port; yield the address and what decides how it behaves."""
    behaviour = Behaviour()
    handler = type("Told", (Handler,), {"behaviour": behaviour})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", behaviour
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
