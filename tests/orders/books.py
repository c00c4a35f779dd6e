"""What tests ask of the books."""

from uuid import UUID

from orders import selectors_ledger
from orders.models import LedgerAccount, Order, Posting
from orders.services import reconciliation


def balances(**conditions: object) -> dict[str, int]:
    """Return the balances of all accounts (or those that fit), by name, where not zero."""
    accounts = LedgerAccount.objects.with_balance().filter(**conditions)
    return {
        str(account.reference): account.balance_minor
        for account in accounts
        if account.balance_minor
    }


def of_order(order: Order) -> dict[str, int]:
    """Return what an order has on each account, where not zero."""
    stands = selectors_ledger.standing(order_ids=[order.pk]).get(order.pk, {})
    return {str(account): amount for account, amount in stands.items() if amount}


def kinds(order: Order) -> list[str]:
    """Return what was posted for an order, in order."""
    return list(Posting.objects.filter(order=order).order_by("pk").values_list("kind", flat=True))


def differences() -> list[str]:
    """Return what reconciling the books finds."""
    return list(reconciliation.compare().differences)


def posted_keys(order_id: UUID) -> list[str]:
    """Return the events of an order that were posted."""
    return sorted(Posting.objects.filter(order=order_id).values_list("key", flat=True))
