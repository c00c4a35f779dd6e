"""Writing into the books: any number of postings, and the accounts they need, in one statement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from orders.ledger.rules import Entries
from orders.models import PostingKind
from redshop.core.db import requires_transaction
from redshop.core.writes import write

# An account's id follows from what it is, so none is looked up. DO NOTHING names no index, so that
# of two who open the same account at once neither is refused, whichever index they meet at.
_GIVEN: Final = """
opened AS (
    INSERT INTO orders_ledgeraccount (id, kind, owner, currency, population)
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[])
    ON CONFLICT DO NOTHING
), posted AS (
    INSERT INTO orders_posting (kind, key, entry_count, order_id, payment_id, refund_id,
                                repayment_id, batch_id, reason, at, population)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::smallint[], %s::uuid[], %s::uuid[],
                         %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::timestamptz[],
                         %s::text[])
    RETURNING id, key
)
"""
_WRITE: Final = """
INSERT INTO orders_entry (posting_id, ordinal, account_id, amount_minor)
SELECT posted.id, entry.ordinal, entry.account_id, entry.amount_minor
FROM unnest(%s::text[], %s::smallint[], %s::uuid[], %s::bigint[])
     AS entry (key, ordinal, account_id, amount_minor) JOIN posted USING (key)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A posting to be: the key names its event, so that it is posted once."""

    kind: PostingKind
    key: str
    entries: Entries
    order_id: UUID | None = None
    payment_id: UUID | None = None
    refund_id: UUID | None = None
    repayment_id: UUID | None = None
    batch_id: UUID | None = None
    reason: str = ""
    at: datetime
    population: str


@requires_transaction
def post(drafts: Sequence[Draft]) -> None:
    """Write postings with their entries; one that would move nothing is left out.

    Locks: accounts that are opened by it, in the order of their names, against others who open
    the same.

    Raises:
        IntegrityError: an event was posted before; at commit, should one not balance.
    """
    moving = [draft for draft in drafts if draft.entries]
    if not moving:
        return
    accounts = sorted({account for draft in moving for account in draft.entries})
    entries = [
        (draft.key, ordinal, account.id, amount)
        for draft in moving
        for ordinal, (account, amount) in enumerate(draft.entries.items(), start=1)
    ]
    columns = [
        *_columns((a.id, a.kind.value, a.owner, a.currency, a.population) for a in accounts),
        *_columns(_row(draft) for draft in moving),
        *_columns(entries),
    ]
    write(_WRITE, columns, given=_GIVEN)


def _row(draft: Draft) -> tuple[Any, ...]:
    return (
        draft.kind.value,
        draft.key,
        len(draft.entries),
        draft.order_id,
        draft.payment_id,
        draft.refund_id,
        draft.repayment_id,
        draft.batch_id,
        draft.reason,
        draft.at,
        draft.population,
    )


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
