"""The books as PostgreSQL keeps them: balanced, complete and never changed, whoever tries."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import Error, IntegrityError, connection, transaction

from orders.ledger.accounts import Account, AccountKind
from orders.models import Entry, LedgerAccount, Posting, PostingKind
from redshop.accounts.models import User
from tests.orders.world import NOW

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = (AccountKind.WRITE_OFFS, AccountKind.CUSTOMER)


def account(
    kind: AccountKind, *, currency: str = "CNY", population: str = "real", owner: str = ""
) -> LedgerAccount:
    what = Account(kind, owner, currency, population)
    return LedgerAccount.objects.get_or_create(
        pk=what.id,
        defaults={"kind": kind, "owner": owner, "currency": currency, "population": population},
    )[0]


def posting(*, entry_count: int = 2, key: str = "", population: str = "real") -> Posting:
    return Posting.objects.create(
        kind=PostingKind.WRITE_OFF,
        key=key or f"test/{uuid4()}",
        entry_count=entry_count,
        at=NOW,
        population=population,
    )


def enter(of: Posting, *amounts: tuple[LedgerAccount, int], first: int = 1) -> None:
    Entry.objects.bulk_create(
        Entry(posting=of, ordinal=ordinal, account=where, amount_minor=amount)
        for ordinal, (where, amount) in enumerate(amounts, start=first)
    )


def refused(name: str, work: Callable[[], object]) -> None:
    """Do the work in a transaction of its own; it must not commit, and must leave nothing."""
    before = (Posting.objects.count(), Entry.objects.count())

    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        work()

    diagnosis = refusal.value.__cause__.diag  # type: ignore[union-attr]
    assert diagnosis.constraint_name == name
    assert (Posting.objects.count(), Entry.objects.count()) == before


def pair() -> tuple[LedgerAccount, LedgerAccount]:
    left, right = NAMES
    return account(left), account(right)


def test_a_balanced_posting_commits() -> None:
    left, right = pair()

    with transaction.atomic():
        enter(posting(), (left, 500), (right, -500))

    assert sorted(Entry.objects.values_list("amount_minor", flat=True)) == [-500, 500]


def test_an_unbalanced_posting_cannot_commit() -> None:
    left, right = pair()

    refused("posting_balances", lambda: enter(posting(), (left, 500), (right, -499)))


def test_not_even_in_plain_sql() -> None:
    left, right = pair()

    def insert() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH new AS (INSERT INTO orders_posting"
                " (kind, key, entry_count, reason, at, population)"
                " VALUES ('write_off', 'sql', 2, '', now(), 'real')"
                " RETURNING id)"
                " INSERT INTO orders_entry (posting_id, ordinal, account_id, amount_minor)"
                " SELECT new.id, v.ordinal, v.account, v.amount FROM new,"
                " (VALUES (1, %s::uuid, 5), (2, %s::uuid, -6)) AS v (ordinal, account, amount)",
                [left.pk, right.pk],
            )

    refused("posting_balances", insert)


def test_a_sum_over_two_currencies_is_no_balance() -> None:
    yuan, yen = account(AccountKind.CUSTOMER), account(AccountKind.CUSTOMER, currency="JPY")

    refused("posting_balances", lambda: enter(posting(), (yuan, 500), (yen, -500)))


def test_a_posting_without_entries_cannot_commit() -> None:
    refused("posting_has_its_entries", posting)


def test_a_posting_with_fewer_entries_than_it_counts_cannot_commit() -> None:
    left, right = pair()

    refused(
        "posting_has_its_entries",
        lambda: enter(posting(entry_count=3), (left, 500), (right, -500)),
    )


def test_nothing_can_be_added_to_a_posting_that_stands() -> None:
    left, right = pair()
    with transaction.atomic():
        whole = posting()
        enter(whole, (left, 500), (right, -500))

    refused("entry_fits_posting", lambda: enter(whole, (left, 1), (right, -1), first=3))
    refused("entry_ordinal_once", lambda: enter(whole, (left, 1), (right, -1)))


def test_a_simulated_posting_touches_no_real_account() -> None:
    left, right = pair()

    refused(
        "entry_fits_posting",
        lambda: enter(posting(population="simulated"), (left, 500), (right, -500)),
    )


def test_an_entry_of_nothing_is_refused() -> None:
    left, right = pair()

    refused("entry_amount", lambda: enter(posting(), (left, 0), (right, 0)))


def test_no_event_is_posted_twice() -> None:
    left, right = pair()
    with transaction.atomic():
        enter(posting(key="sale/1"), (left, 500), (right, -500))

    refused(
        "orders_posting_key_key",
        lambda: enter(posting(key="sale/1"), (left, 500), (right, -500)),
    )


@pytest.mark.parametrize("model", [LedgerAccount, Posting, Entry])
@pytest.mark.parametrize("verb", ["update", "delete"])
def test_what_stands_in_the_books_is_never_changed(
    model: type[LedgerAccount | Posting | Entry], verb: str, person: User
) -> None:
    left, right = pair()
    with transaction.atomic():
        enter(posting(), (left, 500), (right, -500))
    table = model._meta.db_table
    key = "account_id" if model is Entry else "population"
    sql = f"UPDATE {table} SET {key} = {key}" if verb == "update" else f"DELETE FROM {table}"  # noqa: S608 - our own names

    with pytest.raises(Error, match="Cannot"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)

    assert (Posting.objects.count(), Entry.objects.count()) == (1, 2)


@pytest.mark.parametrize(
    ("kind", "owner"), [(AccountKind.CUSTOMER, "7"), (AccountKind.MERCHANT_PAYABLE, "")]
)
def test_only_what_is_somebodys_has_an_owner(kind: AccountKind, owner: str) -> None:
    with pytest.raises(IntegrityError, match="ledger_account_owner"):
        account(kind, owner=owner)

    assert not LedgerAccount.objects.exists()
