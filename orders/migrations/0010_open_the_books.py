"""Enter into the books what was sold, paid and given back before there were any.

Those orders knew no rates, so nothing of them is the platform's. A discount counts as funded by
whoever the coupon names today. The refunds of an order are entered in one posting.
"""

from collections import Counter
from itertools import islice
from uuid import UUID, uuid5

from django.db import migrations

NAMESPACE = UUID("5f0c2f3e-6d53-5e0b-9a0a-3f1d5b1c7a10")  # as in orders/ledger/accounts.py
CHUNK = 500


def open_the_books(apps, schema_editor):
    order_model = apps.get_model("orders", "Order")
    line_model = apps.get_model("orders", "OrderLine")
    funded = line_model.objects.filter(order__coupon__funded_by="platform", discount_minor__gt=0)
    for line in funded.iterator():
        line_model.objects.filter(pk=line.pk).update(subsidy_minor=line.discount_minor)
    paid = order_model.objects.filter(paid_at__isnull=False).exclude(payments__method="elsewhere")
    late = order_model.objects.filter(payments__is_late=True)
    ids = iter(sorted({*paid.values_list("pk", flat=True), *late.values_list("pk", flat=True)}))
    while chunk := list(islice(ids, CHUNK)):
        orders = order_model.objects.filter(pk__in=chunk).prefetch_related(
            "lines__part", "parts", "payments__repayments"
        )
        _write(apps, [posting for order in orders for posting in _postings(order)])


def _postings(order):
    """Yield (order, kind, key, moment, references, amounts by account) of one order."""
    lines, parts = list(order.lines.all()), list(order.parts.all())
    if order.paid_at is not None:
        sold = Counter({("customer", ""): order.total_minor})
        for line in lines:
            _add(sold, line.part.merchant_id, line.total_minor, line.subsidy_minor, line.duty_minor)
        for part in parts:
            _add(sold, part.merchant_id, part.shipping_minor, 0, 0)
        yield order, "sale", f"sale/{order.pk}", order.paid_at, {}, sold
    for payment in order.payments.all():
        if payment.state == "succeeded":
            yield from _moved(order, payment)
    if order.refunded_minor:
        back = Counter({("refunds", ""): order.refunded_minor})
        for line in lines:
            subsidy = line.subsidy_minor * line.refunded_quantity // line.quantity
            goods, duty = line.refunded_minor, line.duty_refunded_minor
            _add(back, line.part.merchant_id, goods, subsidy, duty)
        for part in parts:
            _add(back, part.merchant_id, part.shipping_refunded_minor, 0, 0)
        undone = Counter({account: -amount for account, amount in back.items()})
        key = f"refund/opening/{order.pk}"
        yield order, "refund", key, order.refunds.latest("refunded_at").refunded_at, {}, undone


def _add(sums, merchant_id, goods, subsidy, duty):
    """Owe the merchant what was sold; the buyer, or who is owed it back, is entered already."""
    sums["coupons", ""] += subsidy
    sums["merchant_payable", str(merchant_id)] -= goods + subsidy
    sums["duty_payable", ""] -= duty


def _moved(order, payment):
    """Yield what a company took and what it gave back."""
    clearing, amount = ("clearing", payment.method), payment.amount_minor
    against = ("refunds", "") if payment.is_late else ("customer", "")
    kind = "late_capture" if payment.is_late else "payment"
    about = {"payment_id": payment.pk}
    taken = {clearing: amount, against: -amount}
    yield order, kind, f"{kind}/{payment.pk}", payment.settled_at, about, taken
    for each in payment.repayments.all():
        if each.state == "succeeded":
            given = {clearing: -each.amount_minor, ("refunds", ""): each.amount_minor}
            about = {"payment_id": payment.pk, "repayment_id": each.pk}
            yield order, "repayment", f"repayment/{each.pk}", each.settled_at, about, given


def _write(apps, postings):
    posting_model, entry_model = (apps.get_model("orders", n) for n in ("Posting", "Entry"))
    rows, entries, accounts = [], [], {}
    for order, kind, key, at, about, amounts in postings:
        moving = [(account, amount) for account, amount in amounts.items() if amount]
        if not moving:
            continue
        rows.append(
            posting_model(
                kind=kind, key=key, entry_count=len(moving), order_id=order.pk, at=at,
                population=order.population, **about,
            )
        )
        for ordinal, ((name, owner), amount) in enumerate(moving, start=1):
            full = (name, owner, order.currency, order.population)
            accounts[full] = uuid5(NAMESPACE, "/".join(full))
            entries.append((len(rows) - 1, ordinal, accounts[full], amount))
    _open(apps, accounts)
    posting_model.objects.bulk_create(rows)
    entry_model.objects.bulk_create(
        entry_model(posting=rows[n], ordinal=ordinal, account_id=account, amount_minor=amount)
        for n, ordinal, account, amount in entries
    )


def _open(apps, accounts):
    account_model = apps.get_model("orders", "LedgerAccount")
    account_model.objects.bulk_create(
        [
            account_model(id=pk, kind=kind, owner=owner, currency=currency, population=population)
            for (kind, owner, currency, population), pk in accounts.items()
        ],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [("orders", "0009_first_rates")]

    operations = [migrations.RunPython(open_the_books, migrations.RunPython.noop)]
