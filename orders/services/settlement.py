"""Paying merchants and creators what they are owed, once their buyers can no longer return it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import CharField, Count, Exists, OuterRef, Q, Sum
from django.db.models.functions import Cast, Coalesce, Greatest

from orders.errors import NothingOwed
from orders.ledger import rules
from orders.ledger.accounts import PAYABLE, AccountKind
from orders.models import Batch, Entry, LedgerAccount, OrderPart, PostingKind
from orders.services.books import Draft, post
from redshop.core.errors import NotFound
from redshop.core.ids import uuid7
from redshop.core.money import Money
from redshop.core.populations import Population

#: The advisory lock of whoever takes money out of the books.
LOCK: Final = 0x7061796F7574
ACCOUNTS: Final = {
    Batch.Kind.SETTLEMENT: AccountKind.MERCHANT_PAYABLE,
    Batch.Kind.PAYOUT: AccountKind.CREATOR_PAYABLE,
}


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be paid on an account, and how often was paid before."""

    account: LedgerAccount
    amount_minor: int
    payments_before: int


@transaction.atomic(durable=True)
def run(*, kind: Batch.Kind, population: Population, at: datetime) -> Batch | None:
    """Pay everybody of a kind what is due; return the batch, None where nothing is.

    An account that is in debt is left alone: what comes in later makes up for it first. Of two
    runs at once the second waits, and finds nothing left.

    Locks: an advisory lock on paying out.

    Raises:
        IntegrityError: without the lock, an account would be paid twice.
    """
    _lock()
    before = at - timedelta(days=settings.RETURN_DAYS)
    found = due(kind=kind, population=population, delivered_before=before)
    if not found:
        return None
    batch = Batch.objects.create(
        id=uuid7(at), kind=kind, population=population, delivered_before=before, at=at
    )
    post([_draft(each, batch) for each in found])
    return batch


def run_all(*, at: datetime) -> list[Batch]:
    """Pay merchants and creators of every population; return the batches, each committed alone."""
    batches = [
        run(kind=kind, population=population, at=at)
        for kind in Batch.Kind
        for population in Population
    ]
    return [batch for batch in batches if batch is not None]


def due(*, kind: Batch.Kind, population: str, delivered_before: datetime) -> list[Due]:
    """Return what is to be paid to whom: what is final in the books less what was paid.

    It is never more than the whole balance: what is not final yet may be a debt.
    """
    is_final = Q(posting__order=None) | _is_final(kind, delivered_before=delivered_before)
    sums = (
        Entry.objects.filter(account__kind=ACCOUNTS[kind], account__population=population)
        .order_by()
        .values("account")
        .annotate(
            total=Greatest(Coalesce(Sum("amount_minor", filter=is_final), 0), Sum("amount_minor")),
            payments=Count("pk", filter=Q(posting__kind=kind.value)),
        )
        .filter(total__lt=0)
    )
    by_account = {row["account"]: row for row in sums}
    accounts = LedgerAccount.objects.filter(pk__in=by_account).order_by("kind", "owner", "pk")
    return [
        Due(account, -by_account[account.pk]["total"], by_account[account.pk]["payments"])
        for account in accounts
    ]


@transaction.atomic(durable=True)
def write_off(*, account_id: UUID, reason: str, at: datetime) -> Money:
    """Give up what a merchant or a creator owes; return how much that was.

    Locks: an advisory lock on paying out.

    Raises:
        NotFound: there is no such account.
        NothingOwed: its balance is not negative, or it is of nobody who is paid.
    """
    _lock()
    account = LedgerAccount.objects.with_balance().filter(pk=account_id).first()
    if account is None:
        raise NotFound
    if account.kind not in PAYABLE or account.balance_minor <= 0:
        raise NothingOwed
    before = Entry.objects.filter(account=account, posting__kind=PostingKind.WRITE_OFF).count()
    draft = Draft(
        kind=PostingKind.WRITE_OFF,
        key=f"write_off/{account.pk}/{before + 1}",
        entries=rules.write_off(account.reference, account.balance_minor),
        reason=reason,
        at=at,
        population=account.population,
    )
    post([draft])
    return Money(account.balance_minor, account.currency)


def _lock() -> None:
    """Take the lock on paying out for this transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _is_final(kind: Batch.Kind, *, delivered_before: datetime) -> Q:
    """Return the condition that an entry's order can no longer come back: for a merchant their
    part of it, for a creator all of it."""
    over = OrderPart.objects.past_returns(delivered_before=delivered_before)
    if kind == Batch.Kind.SETTLEMENT:
        mine = over.filter(order=OuterRef("posting__order")).annotate(
            owner=Cast("merchant", CharField())
        )
        return Q(Exists(mine.filter(owner=OuterRef("account__owner"))))
    parts = OrderPart.objects.filter(order=OuterRef("posting__order"))
    return Q(~Exists(parts.exclude(pk__in=over.values("pk"))))


def _draft(each: Due, batch: Batch) -> Draft:
    return Draft(
        kind=PostingKind(batch.kind),
        key=f"{batch.kind}/{each.account.pk}/{each.payments_before + 1}",
        entries=rules.paid_out(each.account.reference, each.amount_minor),
        batch_id=batch.pk,
        at=batch.at,
        population=batch.population,
    )
