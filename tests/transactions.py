"""Transactions around what insists on a transaction of its own."""

from django.db import transaction


def undurable() -> transaction.Atomic:
    """Return a transaction with which everything can be undone, even what is durable."""
    around = transaction.atomic()
    vars(around)["_from_testcase"] = True
    return around
