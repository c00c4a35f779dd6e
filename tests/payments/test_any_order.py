"""Whatever order webhooks come in, and however often: the end is the one that the company tells of,
as if each had come once and in time; and what the company did not send changes nothing."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from queue import Queue
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from orders.models import Payment, Repayment, WebhookDelivery
from orders.providers.sandbox import WEBHOOK_PATH
from orders.services import reconciliation as books
from orders.services import webhooks
from redshop.accounts.models import User
from redshop.catalog.factories import CategoryFactory
from redshop.catalog.services import reconciliation as stock
from tests.companies import Company, Shop
from tests.orders.books import balances
from tests.payments.histories import Histories, Letter, differing, ends, levels
from tests.payments.test_webhooks import signed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

#: How many webhooks come at the same moment.
LINES: Final = 8
#: Deliveries for each history, all copies counted.
COPIES: Final = 10

Post = tuple[bytes, dict[str, str]]


@pytest.fixture
def shop(settings: Settings) -> Any:
    """Where the company tells all, in this shop's stead."""
    listening = Shop()
    settings.WEBHOOK_BASE_URL = listening.url
    yield listening
    listening.server.shutdown()
    listening.server.server_close()


@pytest.fixture
def make(company: Company, shop: Shop, person: User) -> Callable[..., Histories]:
    """Make so many histories."""

    shelf = CategoryFactory.create()  # whose commission all of them pay

    def made(number: int, *, seed: int = 1) -> Histories:
        histories = Histories(company, shop, person, shelf)
        histories.live(number, seed=seed)
        return histories

    return made


def deliver(url: str, posts: Sequence[Callable[[], Post]], *, lines: int = LINES) -> Counter[int]:
    """Post over so many lines at once, each signed as it goes, as the company does; count the
    answers."""
    parts, kept = urlsplit(url), Queue[HTTPConnection]()
    for _ in range(lines):
        kept.put(HTTPConnection(str(parts.hostname), parts.port, timeout=60))

    def go(post: Callable[[], Post]) -> int:
        line = kept.get()
        body, headers = post()
        line.request("POST", WEBHOOK_PATH, body, {**headers, "Content-Type": "application/json"})
        with line.getresponse() as answer:
            answer.read()
        kept.put(line)
        return answer.status

    with ThreadPoolExecutor(lines) as pool:
        answers = Counter(pool.map(go, posts))
    for _ in range(lines):
        kept.get().close()
    return answers


def truly(letter: Letter) -> Callable[[], Post]:
    return lambda: (letter.body, signed(letter.body))


def tell_in_order(histories: Histories, url: str) -> None:
    """Deliver every webhook once, one after the other, as the company sent them."""
    told: list[Letter] = []
    while news := [letter for letter in histories.letters() if letter not in told]:
        answers = deliver(url, [truly(letter) for letter in news], lines=1)
        assert answers == {200: len(news)}
        told += news
        histories.send_back()


def tell_in_disorder(
    histories: Histories, url: str, *, deliveries: int, chance: random.Random
) -> Counter[int]:
    """Deliver every webhook twice and some oftener, shuffled and at once; what has come of them
    makes the company send more, among copies of the first."""
    told: list[Letter] = []
    answers = Counter[int]()
    for share in (deliveries * 4 // 5, deliveries):
        news = [letter for letter in histories.letters() if letter not in told]
        told += news
        more = share - answers.total() - 2 * len(news)
        going = [*news, *news, *chance.choices(told, k=more)]
        chance.shuffle(going)
        answers += deliver(url, [truly(letter) for letter in going])
        histories.send_back()
    assert len(histories.letters()) == len(told)
    return answers


def strangers(letters: Sequence[Letter], number: int) -> list[Callable[[], Post]]:
    """Return what somebody else could make of the company's webhooks."""
    chance = random.Random(number)  # noqa: S311 - a repeatable choice, not a secret

    def one(place: int) -> Callable[[], Post]:
        mine, other = chance.sample(letters, k=2)
        moved = mine.body.replace(mine.payment_id.encode(), other.payment_id.encode())
        return (
            lambda: (mine.body, signed(mine.body, secret="another")),
            lambda: (mine.body, signed(mine.body, age_seconds=chance.randint(302, 9_999))),
            lambda: (mine.body, signed(mine.body, age_seconds=-310)),
            lambda: (moved if moved != mine.body else mine.body + b" ", signed(mine.body)),
            lambda: (mine.body, signed(other.body) if other != mine else {}),
            lambda: (mine.body, {}),
        )[place % 6]

    return [one(place) for place in range(number)]


def assert_as_the_company_says(company: Company, *all_histories: Histories) -> None:
    """See that every payment and every refund is what the company has on its record."""
    charges = {one["id"]: one for one in company.record()["charges"]}
    ours = Payment.objects.filter(
        order__in=[order for histories in all_histories for order in histories.orders]
    )
    held = 0
    for each in ours.select_related("order"):
        charge = charges[str(each.pk)]
        assert each.state == ("succeeded" if charge["state"] == "succeeded" else "failed")
        assert each.repaid_minor == charge["refunded_minor"]
        if each.state == "succeeded":
            assert each.amount_minor == charge["amount_minor"]
            kept = each.amount_minor - each.repaid_minor
            order = each.order
            assert kept == (0 if each.is_late else order.total_minor - order.refunded_minor)
            held += kept
    assert balances(kind="clearing") == {"clearing/sandbox": held}
    assert not Repayment.objects.exclude(state="succeeded").exists()
    assert list(books.compare().differences) == []
    assert list(stock.compare().differences) == []


def assert_kept_once(*all_histories: Histories) -> None:
    """See that each webhook was kept once, word for word, and followed."""
    sent = sorted(letter.body.decode() for each in all_histories for letter in each.letters())
    assert sorted(WebhookDelivery.objects.values_list("body", flat=True)) == sent
    assert not WebhookDelivery.objects.filter(result__in=["open", "unmatched"]).exists()


@pytest.mark.parametrize("number", [100, pytest.param(1_000, marks=pytest.mark.soak)])
def test_in_any_order_and_any_number_webhooks_come_to_the_same_end(
    make: Callable[..., Histories], company: Company, live_server: LiveServer, number: int
) -> None:
    in_order, disordered = make(number), make(number)
    chance = random.Random(number)  # noqa: S311 - a repeatable disorder, not a secret

    tell_in_order(in_order, live_server.url)
    answers = tell_in_disorder(
        disordered, live_server.url, deliveries=COPIES * number, chance=chance
    )

    assert answers == {200: COPIES * number}
    assert differing(in_order, disordered) == []
    assert levels(in_order) == levels(disordered)
    assert_as_the_company_says(company, in_order, disordered)
    assert_kept_once(in_order, disordered)


def test_without_deduplication_a_webhook_is_kept_and_followed_again(
    make: Callable[..., Histories], live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories, write = make(6), webhooks._write
    monkeypatch.setattr(
        webhooks, "_write", lambda values: write([values[0], str(uuid4()), *values[2:]])
    )
    letters = histories.letters()

    deliver(live_server.url, [truly(letter) for letter in letters * 2])

    with pytest.raises(AssertionError):
        assert_kept_once(histories)


@pytest.mark.parametrize("number", [200, pytest.param(2_000, marks=pytest.mark.soak)])
def test_what_the_company_did_not_send_like_this_is_refused_and_changes_nothing(
    make: Callable[..., Histories], live_server: LiveServer, number: int
) -> None:
    histories = make(number // 10)
    before = ends(histories), levels(histories), looks()

    answers = deliver(live_server.url, strangers(histories.letters(), number))

    assert answers == {400: number}
    assert (ends(histories), levels(histories), looks()) == before
    assert not WebhookDelivery.objects.exists()


def looks() -> list[Any]:
    """Return when which payment and which repayment is asked about next."""
    return [
        list(each.objects.order_by("pk").values("pk", "look_at")) for each in (Payment, Repayment)
    ]
