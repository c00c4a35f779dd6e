"""Orders that are older than the books are entered into them as they stand."""

import importlib
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from orders import factories, migrations
from orders.models import CommissionRate, OrderLine, Posting
from orders.providers.types import Outcome
from orders.services import bookkeeping, cancellation, payment
from orders.states import PaymentAttempt
from redshop.accounts.models import User
from redshop.catalog.factories import MerchantFactory, SkuFactory
from tests.orders.books import balances, differences, of_order
from tests.orders.world import NOW


@pytest.mark.django_db
def test_what_was_sold_before_there_were_books_is_entered(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    CommissionRate.objects.all().delete()
    abroad = MerchantFactory.create(country="IT")
    foreign = SkuFactory.create(price_minor=1_001, product__brand__merchant=abroad)
    home, coupon = SkuFactory.create(price_minor=1_003), factories.CouponFactory.create().code
    with monkeypatch.context() as before_the_books:
        before_the_books.setattr(bookkeeping, "post", lambda _drafts: None)
        kept = factories.paid(person, foreign, home, quantity=3, coupon=coupon, at=NOW)
        factories.refund(kept, quantities={kept.lines.earliest("pk").pk: 1})
        gone = factories.paid(person, foreign, at=NOW)
        cancellation.cancel_order(order_id=gone.pk, at=NOW)
        late = factories.placed(person, home, at=NOW)
        begun = payment.begin_payment(order_id=late.pk, method="simulated", at=NOW)
        for state in (PaymentAttempt.FAILED, PaymentAttempt.SUCCEEDED):
            payment.settle_payment(payment_id=begun.pk, outcome=Outcome(state=state), at=NOW)
        factories.placed(person, home, at=NOW)
    OrderLine.objects.update(subsidy_minor=0)
    assert not Posting.objects.exists()

    opening().open_the_books(apps, None)

    connection.check_constraints()
    assert differences() == []
    assert of_order(gone) == {}
    assert sum(balances().values()) == 0
    assert balances()[f"merchant_payable/{abroad.pk}"] < 0
    factories.refund(kept)
    assert differences() == []


def opening() -> Any:
    folder = Path(migrations.__file__ or "").parent
    (file,) = folder.glob("*_open_the_books.py")
    return importlib.import_module(f"{migrations.__name__}.{file.stem}")
