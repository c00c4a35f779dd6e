"""Stripe through its official library, against localstripe as a process of its own.

localstripe knows no idempotency keys, so what rests on them is seen in what we send, through a
gate before it that notes requests; and it lets more be refunded than was charged.
"""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import httpx
import pytest
import stripe
from django.utils import timezone

from config.processes import wait_until
from orders import factories
from orders.errors import WebhookRefused
from orders.models import Order, Payment, Repayment, WebhookDelivery
from orders.providers import provider_of
from orders.providers.stripe import outcome_of
from orders.providers.types import Charge, MoneyBack, Unreachable
from orders.services import payment, repayment, watching
from redshop.accounts.models import User
from redshop.core.ids import uuid7
from redshop.core.money import Money
from tests.api import ApiClient
from tests.orders.world import standing

pytestmark = pytest.mark.processes

KEY, WEBHOOK_SECRET = "sk_test_of_this_suite", "whsec_of_this_suite"
WORKS, DECLINES, ASKS = "4242424242424242", "4000000000000341", "4000002500003155"


class Gate:
    """Passes every request on to localstripe, and remembers what it was and its key."""

    def __init__(self, port: int) -> None:
        gate = self
        self.passed: list[tuple[str, str, str]] = []
        self.forms: dict[str, dict[str, list[str]]] = {}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                key = self.headers.get("Idempotency-Key", "")
                gate.passed.append((self.command, self.path.partition("?")[0], key))
                gate.forms[self.path.rpartition("/")[2]] = parse_qs(body.decode())
                line = HTTPConnection("localhost", port, timeout=10)
                line.request(self.command, self.path, body, dict(self.headers))
                answer = line.getresponse()
                said = answer.read()
                line.close()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            do_GET = do_POST  # noqa: N815 - the library's

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture(scope="module")
def imitation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """localstripe, running; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"],
        cwd=tmp_path_factory.mktemp("localstripe"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://localhost:{port}"

    def answers() -> bool:
        try:
            return httpx.get(url).status_code > 0
        except httpx.TransportError:
            return False

    try:
        assert wait_until(answers, seconds=20)
        yield url
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def gate(imitation: str, settings: Any) -> Iterator[Gate]:
    gate = Gate(int(imitation.rpartition(":")[2]))
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET = KEY, WEBHOOK_SECRET
    settings.STRIPE_API_BASE = gate.url
    yield gate
    gate.server.shutdown()
    gate.server.server_close()


@pytest.fixture
def order(person: User) -> Order:
    return factories.placed(person, at=timezone.now())


def token_of(gate: Gate, number: str) -> str:
    """Return what a buyer's client gets of Stripe for a card."""
    card = {"number": number, "exp_month": "12", "exp_year": "2035", "cvc": "123"}
    form = {"type": "card", **{f"card[{name}]": value for name, value in card.items()}}
    given = httpx.post(f"{gate.url}/v1/payment_methods", data=form, auth=(KEY, ""))
    return str(given.json()["id"])


def charge(**known: Any) -> Charge:
    return Charge(**{"payment_id": uuid7(), "amount": Money(12_900, "CNY"), **known})


def intents(gate: Gate, charge: Charge) -> list[Any]:
    found = httpx.get(f"{gate.url}/v1/payment_intents?limit=100", auth=(KEY, "")).json()["data"]
    return [one for one in found if one["metadata"].get("payment_id") == str(charge.payment_id)]


@pytest.mark.parametrize(
    ("number", "state", "failure_code"),
    [
        (WORKS, "succeeded", ""),
        (DECLINES, "failed", "card_declined"),
        (ASKS, "requires_action", ""),
    ],
)
def test_a_card_does_what_its_number_says(
    gate: Gate, number: str, state: str, failure_code: str
) -> None:
    said = provider_of("stripe").charge(charge(token=token_of(gate, number)))

    assert (said.state, said.failure_code) == (state, failure_code)
    assert said.reference.startswith("pi_")


def test_a_payment_is_created_under_its_own_id_and_only_then_confirmed(gate: Gate) -> None:
    wanted = charge(token=token_of(gate, WORKS))
    gate.passed.clear()

    said = provider_of("stripe").charge(wanted)

    path = "/v1/payment_intents"
    assert gate.passed[0] == ("POST", path, str(wanted.payment_id))
    assert [step[1] for step in gate.passed] == [
        path,
        f"{path}/{said.reference}",
        f"{path}/{said.reference}/confirm",
    ]
    (intent,) = intents(gate, wanted)
    assert (intent["amount"], intent["currency"], intent["status"]) == (12_900, "cny", "succeeded")


@pytest.mark.parametrize("page", ["", "https://shop.example/paid?order=1&back=yes"])
def test_stripe_is_told_where_the_buyer_comes_back_to(gate: Gate, page: str, settings: Any) -> None:
    settings.PAYMENT_RETURN_URL = page

    provider_of("stripe").charge(charge(token=token_of(gate, WORKS)))

    assert gate.forms["confirm"] == ({"return_url": [page]} if page else {})


def test_the_page_on_which_the_buyer_confirms_is_what_stripe_names() -> None:
    """In the shape that Stripe documents; localstripe does not name one."""
    page = "https://hooks.stripe.com/3d_secure_2/hosted?merchant=acct_1"
    intent = stripe.PaymentIntent.construct_from(
        {
            "id": "pi_1",
            "status": "requires_action",
            "last_payment_error": None,
            "next_action": {
                "type": "redirect_to_url",
                "redirect_to_url": {"url": page, "return_url": "https://shop.example/paid"},
            },
        },
        KEY,
    )

    said = outcome_of(intent)

    assert (said.state, said.action_url, said.reference) == ("requires_action", page, "pi_1")


@pytest.mark.parametrize("token", ["", "pm_nobody_issued"])
def test_a_token_that_nobody_issued_ends_the_payment_for_good(gate: Gate, token: str) -> None:
    wanted = charge(token=token)

    said = provider_of("stripe").charge(wanted)

    assert (said.state, said.failure_code) == ("failed", "invalid_token")
    assert [intent["status"] for intent in intents(gate, wanted)] == ["canceled"]


def test_a_declined_payment_can_never_be_confirmed_later(gate: Gate) -> None:
    wanted = charge(token=token_of(gate, DECLINES))

    said = provider_of("stripe").charge(wanted)

    confirm = f"{gate.url}/v1/payment_intents/{said.reference}/confirm"
    assert httpx.post(confirm, auth=(KEY, "")).status_code == 400
    assert [intent["status"] for intent in intents(gate, wanted)] == ["canceled"]


def test_what_became_of_a_payment_is_found_by_what_stripe_calls_it(gate: Gate) -> None:
    company, wanted = provider_of("stripe"), charge(token=token_of(gate, WORKS))
    said = company.charge(wanted)

    again = company.look_up(charge(payment_id=wanted.payment_id, reference=said.reference))

    assert again == said


def test_without_stripes_name_the_same_demand_is_made_under_the_same_key(gate: Gate) -> None:
    company, wanted = provider_of("stripe"), charge()

    said = company.look_up(wanted)

    assert said is None
    assert gate.passed == [("POST", "/v1/payment_intents", str(wanted.payment_id))]


def test_what_is_given_up_stays_given_up_and_what_succeeded_is_not_given_up(gate: Gate) -> None:
    company = provider_of("stripe")
    open_one, paid = charge(), charge(token=token_of(gate, WORKS))
    reference = company.charge(paid).reference

    given_up = company.abandon(open_one)
    kept = company.abandon(charge(payment_id=paid.payment_id, reference=reference))

    assert (given_up.state, given_up.failure_code) == ("failed", "abandoned")
    assert company.look_up(charge(reference=given_up.reference)) == given_up
    assert kept.state == "succeeded"


def test_money_goes_back_once_however_often_it_is_asked_for(gate: Gate) -> None:
    company, wanted = provider_of("stripe"), charge(token=token_of(gate, WORKS))
    paid = charge(payment_id=wanted.payment_id, reference=company.charge(wanted).reference)
    back = MoneyBack(repayment_id=uuid7(), charge=paid, amount=Money(4_000, "CNY"))

    ends = {company.send_back(back).state for _ in range(3)}

    made = httpx.get(
        f"{gate.url}/v1/refunds?payment_intent={paid.reference}", auth=(KEY, "")
    ).json()["data"]
    assert ends == {"succeeded"}
    assert [refund["amount"] for refund in made] == [4_000]
    posts = [step for step in gate.passed if step[:2] == ("POST", "/v1/refunds")]
    assert posts == [("POST", "/v1/refunds", str(back.repayment_id))]


def test_money_of_a_payment_that_never_was_does_not_go_back(gate: Gate) -> None:
    never = charge(reference="pi_never")
    back = MoneyBack(repayment_id=uuid7(), charge=never, amount=Money(4_000, "CNY"))

    assert provider_of("stripe").send_back(back).state == "failed"


def test_nobody_there_is_an_unknown_result(settings: Any) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings.STRIPE_SECRET_KEY = KEY
        settings.STRIPE_API_BASE = f"http://127.0.0.1:{nobody.getsockname()[1]}"

        with pytest.raises(Unreachable):
            provider_of("stripe").charge(charge(token="pm_any"))


def signed(body: str, *, seconds: int = 0, secret: str = WEBHOOK_SECRET) -> dict[str, str]:
    """Return the header that Stripe's own library makes for a body."""
    moment = int(time.time()) + seconds
    header = stripe.WebhookSignature.generate_signature_header(body, secret, moment)
    return {"Stripe-Signature": header}


@pytest.mark.parametrize(
    "how", ["forged", "altered", "stale", "of the future", "unsigned", "nonsense"]
)
def test_a_webhook_that_stripe_did_not_sign_now_is_refused(gate: Gate, how: str) -> None:
    body = '{"id": 1}'
    headers = {
        "forged": signed(body, secret="whsec_of_somebody_else"),
        "altered": signed('{"id": 2}'),
        "stale": signed(body, seconds=-310),
        "of the future": signed(body, seconds=310),
        "unsigned": {},
        "nonsense": {"Stripe-Signature": "t=nonsense,v1=nonsense"},
    }

    with pytest.raises(WebhookRefused):
        provider_of("stripe").check_webhook(body.encode(), headers[how], at=timezone.now())


@pytest.mark.django_db
def test_without_a_key_nobody_pays_by_stripe(
    person: User, person_api: ApiClient, order: Order
) -> None:
    answer = person_api.post_once(f"/orders/{order.pk}/payments", {"method": "stripe"})

    assert (answer.status_code, answer.json()["code"]) == (422, "payment_method_unavailable")
    assert not Payment.objects.exists()
    assert standing(order) == ("placed", "none", 0)


@pytest.mark.django_db(transaction=True)
def test_an_order_is_paid_told_by_webhook_and_given_back(
    gate: Gate, person_api: ApiClient, order: Order, live_server: Any, imitation: str
) -> None:
    hook = {
        "url": f"{live_server.url}/api/v1/webhooks/payments/stripe",
        "secret": WEBHOOK_SECRET,
    }
    httpx.post(f"{imitation}/_config/webhooks/{uuid4().hex}", json=hook).raise_for_status()
    body = {"method": "stripe", "token": token_of(gate, WORKS)}

    answer = person_api.post_once(f"/orders/{order.pk}/payments", body)
    assert (answer.status_code, answer.json()["state"]) == (201, "succeeded")
    assert standing(order) == ("paid", "paid", 0)
    heard = {"kind": "payment_intent.succeeded", "result": "known", "payment__order": order}
    assert wait_until(lambda: WebhookDelivery.objects.filter(**heard).exists(), seconds=10)

    given_back = factories.refund(order)
    repayment.send_due(at=given_back.refunded_at)
    assert Repayment.objects.get().state == "succeeded"
    assert Payment.objects.get().repaid_minor == order.total_minor


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_was_lost_is_found_out_by_asking(gate: Gate, order: Order) -> None:
    begun = payment.begin_payment(order_id=order.pk, method="stripe", at=order.placed_at)
    said = payment.ask(begun, token=token_of(gate, WORKS))
    assert said is not None
    Payment.objects.update(reference=said.reference)  # which localstripe cannot find by the key

    assert watching.watch_due(at=order.placed_at + timedelta(seconds=20)) == 1

    assert standing(order) == ("paid", "paid", 0)


@pytest.mark.django_db(transaction=True)
def test_a_payment_that_nobody_confirmed_is_given_up_within_two_minutes(
    gate: Gate, order: Order
) -> None:
    payment.begin_payment(order_id=order.pk, method="stripe", at=order.placed_at)

    for seconds in range(20, 120, 5):
        watching.watch_due(at=order.placed_at + timedelta(seconds=seconds))

    given_up = Payment.objects.get()
    assert (given_up.state, given_up.failure_code) == ("failed", "abandoned")
    assert standing(order) == ("placed", "none", 0)
