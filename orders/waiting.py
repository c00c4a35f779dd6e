"""What waits for a person: what no rule decides and no process mends by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

#: A payment whose end is unknown for longer is worth a look.
PATIENCE: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Waiting:
    """So many things of a kind; ``page`` is where they are listed, ``query`` which of them."""

    title: str
    count: int
    page: str
    query: str


#: Title, list in the admin, its filter, and how many there are.
_KINDS: Final = (
    (
        "Payments whose end is unknown",
        "orders_payment",
        "settled_at__isempty=1",
        (
            "SELECT count(*) FROM orders_payment WHERE look_at IS NOT NULL"
            " AND created_at < %(before)s AND settled_at IS NULL"
        ),
    ),
    (
        "Money that a company failed to send back",
        "orders_repayment",
        "state__exact=failed",
        (
            "SELECT count(*) FROM orders_repayment"
            " WHERE state = 'failed' AND failure_code NOT LIKE 'tried_again:%%'"
        ),
    ),
    (
        "Webhooks of payments that we do not know",
        "orders_webhookdelivery",
        "result__exact=unmatched",
        "SELECT count(*) FROM orders_webhookdelivery WHERE result = 'unmatched'",
    ),
    (
        "Returns to decide on",
        "orders_return",
        "state__exact=requested",
        "SELECT count(*) FROM orders_return WHERE state = 'requested'",
    ),
)


def waiting(*, at: datetime) -> Sequence[Waiting]:
    """Return what waits for a person, in one question; kinds of which there are none are left
    out."""
    question = "SELECT " + ", ".join(f"({count})" for _, _, _, count in _KINDS)
    with connection.cursor() as cursor:
        cursor.execute(question, {"before": at - PATIENCE})
        counts = cursor.fetchone()
    return [
        Waiting(title, count, page, query)
        for (title, page, query, _), count in zip(_KINDS, counts, strict=True)
        if count
    ]
