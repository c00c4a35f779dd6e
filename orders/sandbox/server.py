"""The company's face: HTTP for shops, and the page for the owners of cards."""

import hmac
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from orders.sandbox import cards, pages
from orders.sandbox.behaviour import BehaviourRefused
from orders.sandbox.cards import Manner, card_of
from orders.sandbox.company import Company, Refused
from orders.sandbox.journal import Journal
from orders.sandbox.webhooks import Messenger

LONGEST_BODY: Final = 64 * 1024
MOST_DIGITS: Final = 9
LARGEST_AMOUNT: Final = 2**53
#: How long after it was asked the company answers for a card that makes it slow, in seconds.
TOO_LATE_SECONDS: Final = 8.0
TICK_SECONDS: Final = 0.05
IDLE_SECONDS: Final = 60
#: What the form of the page sends, and whether it approves.
DECISIONS: Final = {b"decision=approve": True, b"decision=refuse": False}
_CURRENCY: Final = re.compile(r"[A-Z]{3}")

Answer = tuple[int, dict[str, Any]]


class Sandbox:
    """One company with its journal, its messenger and its clock."""

    def __init__(self, *, port: int, secret: str, webhook_secret: str, folder: Path) -> None:
        """Take up the journal in ``folder`` and bind the port of this machine (0: any)."""
        self.secret = secret
        journal = Journal(folder / "sandbox.journal")
        self.server = _Server(("127.0.0.1", port), Handler)
        self.server.sandbox = self
        address = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.messenger = Messenger(
            journal, secret=webhook_secret, behaviour=lambda: self.company.behaviour
        )
        self.company = Company(
            journal, address=address, prepare=self.messenger.prepare, send=self.messenger.send
        )
        for entry in journal.entries():
            self.company.remember(entry)
            self.messenger.remember(entry)

    def serve(self, *, beat: Callable[[], None], stop: threading.Event) -> None:
        """Serve until told to stop; the heart beats as long as things that are due get done."""
        serving = threading.Thread(target=self.server.serve_forever, daemon=True)
        serving.start()
        while not stop.wait(TICK_SECONDS) and serving.is_alive():
            now = time.time()
            self.company.settle_due(now=now)
            self.messenger.deliver_due(now=now)
            beat()
        self.server.shutdown()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    sandbox: Sandbox

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a line that broke."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection of a shop or of a browser."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no proper request in JSON, as a mistake of the one who sent it."""
        self.close_connection = True
        status = {501: 405, 505: 400}.get(code, code)
        self._answer(status, {"error": {"code": "invalid", "message": message or "Not HTTP."}})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing: the journal says what happened."""

    def _handle(self) -> None:
        try:
            body = self._body()
            path = self.path.partition("?")[0]
            if match := _DECISION.fullmatch(path):
                self._show_page(_uuid(match["charge"]), body)
                return
            self._answer(*self._called(path, body))
        except Refused as refusal:
            self._refuse(refusal)

    def _called(self, path: str, body: bytes) -> Answer:
        """Do what a shop asks for.

        Raises:
            Refused: it is not to be had.
        """
        for method, pattern, is_open, act in ROUTES:
            match = pattern.fullmatch(path)
            if match and method == self.command:
                if not is_open:
                    self._authenticate()
                wanted = _parsed(body) if method != "GET" else {}
                self._misbehave(before=True, is_charge=act is _charge, wanted=wanted)
                answer = act(self.server.sandbox, match.groupdict(), wanted)
                self._misbehave(before=False, is_charge=act is _charge, wanted=wanted)
                return answer
        raise Refused(404, "not_found", "There is nothing here.")

    def _authenticate(self) -> None:
        given = self.headers.get("Authorization", "").encode("latin-1", "replace")
        expected = f"Bearer {self.server.sandbox.secret}".encode()
        if not hmac.compare_digest(given, expected):
            raise Refused(401, "unauthorized", "The secret is wrong.")

    def _misbehave(self, *, before: bool, is_charge: bool, wanted: Mapping[str, Any]) -> None:
        """Be down before the work is done, or late or silent after it, as the switches say."""
        if "/behaviour" in self.path or "/healthz" in self.path:
            return
        behaviour = self.server.sandbox.company.behaviour
        if before:
            if behaviour.service == "failing":
                raise Refused(503, "unavailable", "The company is down.")
            if behaviour.service == "unreachable":
                raise _HungUp
            return
        if behaviour.is_webhook_first and self.command == "PUT":
            self.server.sandbox.messenger.deliver_now()
        card = card_of(wanted.get("token") or "") if is_charge else cards.TOKENS[""]
        time.sleep(behaviour.answer_delay_ms / 1_000)
        if card.manner == Manner.TOO_LATE:
            time.sleep(TOO_LATE_SECONDS)
        is_cut = behaviour.is_answer_cut and self.command == "PUT"
        if is_cut or card.manner == Manner.CUT:
            raise _HungUp

    def _body(self) -> bytes:
        """Read the whole body, so that the next request on this line begins where it begins."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise Refused(411, "length_required", "Say how long the body is.")
        if len(length) > MOST_DIGITS or int(length) > LONGEST_BODY:
            self.close_connection = True
            raise Refused(413, "too_large", "The body is too large.")
        return self.rfile.read(int(length))

    def _show_page(self, charge_id: str, body: bytes) -> None:
        """Show the page of a charge, or take its owner's decision and send the browser back."""
        company = self.server.sandbox.company
        if self.command == "GET":
            self._send(200, pages.page(company.page_of(charge_id)).encode(), "text/html")
            return
        if self.command != "POST" or body not in DECISIONS:
            raise Refused(400, "invalid", "Approve or refuse.")
        is_approved = DECISIONS[body]
        charge = company.decide(charge_id, is_approved=is_approved, now=time.time())
        if back := pages.way_back(charge):
            self._send(303, b"", "text/html", Location=back)
        else:
            self._send(200, pages.page(charge).encode(), "text/html")

    def _refuse(self, refusal: Refused) -> None:
        if isinstance(refusal, _HungUp):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        error = {"error": {"code": refusal.code, "message": refusal.message}}
        self._answer(refusal.status, error)

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        self._send(status, json.dumps(content).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(HTTPStatus(status))
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class _HungUp(Refused):
    """The line is closed without an answer."""

    def __init__(self) -> None:
        super().__init__(0, "", "")


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise Refused(400, "invalid", "The body is not JSON.") from error
    if not isinstance(parsed, dict):
        raise Refused(400, "invalid", "The body is not an object.")
    return parsed


def _text(wanted: Mapping[str, Any], name: str) -> str:
    value = wanted.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 2_000:
        raise Refused(400, "invalid", f"{name} is a text.")
    return value


def _address(wanted: Mapping[str, Any], name: str) -> str:
    value = _text(wanted, name)
    try:
        parts = urlsplit(value)
        is_web = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or 1)
        (parts.hostname or "").encode("idna")
    except ValueError:
        is_web = False
    if value and not (is_web and value.isascii() and value.isprintable() and " " not in value):
        raise Refused(400, "invalid", f"{name} is a web address.")
    return value


def _amount(wanted: Mapping[str, Any]) -> int:
    amount = wanted.get("amount_minor")
    if type(amount) is not int or not 1 <= amount <= LARGEST_AMOUNT:
        raise Refused(400, "invalid", "amount_minor is a whole number of minor units, from 1.")
    return amount


def _uuid(given: str) -> str:
    return str(UUID(given))


def _charge(sandbox: Sandbox, named: Mapping[str, str], wanted: Mapping[str, Any]) -> Answer:
    currency = _text(wanted, "currency")
    if not _CURRENCY.fullmatch(currency):
        raise Refused(400, "invalid", "currency is three capitals.")
    charge, is_new = sandbox.company.charge(
        _uuid(named["charge"]),
        amount_minor=_amount(wanted),
        currency=currency,
        token=_text(wanted, "token"),
        return_url=_address(wanted, "return_url"),
        webhook_url=_address(wanted, "webhook_url"),
        now=time.time(),
    )
    return (201 if is_new else 200), charge


def _look_up(sandbox: Sandbox, named: Mapping[str, str], _wanted: Mapping[str, Any]) -> Answer:
    return 200, sandbox.company.look_up(_uuid(named["charge"]))


def _cancel(sandbox: Sandbox, named: Mapping[str, str], _wanted: Mapping[str, Any]) -> Answer:
    return 200, sandbox.company.cancel(_uuid(named["charge"]), now=time.time())


def _refund(sandbox: Sandbox, named: Mapping[str, str], wanted: Mapping[str, Any]) -> Answer:
    refund, is_new = sandbox.company.refund(
        _uuid(named["charge"]),
        _uuid(named["refund"]),
        amount_minor=_amount(wanted),
        webhook_url=_address(wanted, "webhook_url"),
        now=time.time(),
    )
    return (201 if is_new else 200), refund


def _look_up_refund(sandbox: Sandbox, named: Mapping[str, str], _: Mapping[str, Any]) -> Answer:
    return 200, sandbox.company.look_up_refund(_uuid(named["charge"]), _uuid(named["refund"]))


def _record(sandbox: Sandbox, _named: Mapping[str, str], _wanted: Mapping[str, Any]) -> Answer:
    return 200, {**sandbox.company.record(), "webhooks_waiting": sandbox.messenger.waiting}


def _behaviour(sandbox: Sandbox, _named: Mapping[str, str], _wanted: Mapping[str, Any]) -> Answer:
    return 200, sandbox.company.behaviour.shown()


def _behave(sandbox: Sandbox, _named: Mapping[str, str], wanted: Mapping[str, Any]) -> Answer:
    try:
        return 200, sandbox.company.behave(wanted).shown()
    except BehaviourRefused as error:
        raise Refused(400, "invalid", str(error)) from error


def _token(_sandbox: Sandbox, _named: Mapping[str, str], wanted: Mapping[str, Any]) -> Answer:
    token = cards.token_of(_text(wanted, "number"))
    if token is None:
        raise Refused(422, "unknown_card", "That is none of the test cards.")
    return 201, {"token": token}


def _healthz(_sandbox: Sandbox, _named: Mapping[str, str], _wanted: Mapping[str, Any]) -> Answer:
    return 200, {"status": "alive"}


_UUID: Final = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_CHARGE: Final = rf"/v1/charges/(?P<charge>{_UUID})"
_REFUND: Final = rf"{_CHARGE}/refunds/(?P<refund>{_UUID})"
_DECISION: Final = re.compile(rf"/3ds/(?P<charge>{_UUID})")
#: Method, path, whether anybody may call it, and what it does.
ROUTES: Final = tuple(
    (method, re.compile(path), is_open, act)
    for method, path, is_open, act in (
        ("PUT", _CHARGE, False, _charge),
        ("GET", _CHARGE, False, _look_up),
        ("POST", rf"{_CHARGE}/cancel", False, _cancel),
        ("PUT", _REFUND, False, _refund),
        ("GET", _REFUND, False, _look_up_refund),
        ("GET", "/v1/record", False, _record),
        ("GET", "/v1/behaviour", False, _behaviour),
        ("PUT", "/v1/behaviour", False, _behave),
        ("POST", "/v1/tokens", True, _token),
        ("GET", "/healthz", True, _healthz),
    )
)
