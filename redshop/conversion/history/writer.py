"""Writing what a log says: a chunk of lines, one transaction, the same however often it runs."""

from base64 import b32encode
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import connection

from orders.services import history
from orders.services.history import PastOrder
from redshop.conversion.history import assortment, people
from redshop.conversion.history.assortment import Article
from redshop.conversion.history.mapping import NAMESPACE
from redshop.conversion.history.types import Act, BadLine, Chunk, Imported, Meaning
from redshop.conversion.services import attribution
from redshop.core.db import requires_transaction
from redshop.core.populations import Population
from redshop.events.kinds import EventKind, Source
from redshop.events.services import writing
from redshop.events.services.rejection import Rejected, fingerprint, set_aside

_PRICED: Final = frozenset({EventKind.CART_ADD, EventKind.CHECKOUT, EventKind.ORDER_PAID})


@requires_transaction
def write(chunk: Chunk, *, meaning: Meaning, at: datetime) -> Imported:
    """Write people, products, events and orders of some lines; return what was new of it.

    What is there already stays as it is. Orders are attributed here and now, all at once,
    instead of by a fact each.

    Locks: an advisory lock, so that one import runs at a time.

    Raises:
        LogUnreadable: somebody else has the handle that one of the people would get.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('import_history'))")
    acts = list({act.id: act for act in chunk.acts}.values())
    buyers, new_people = people.find_or_add(_first_seen(acts), shop=meaning.shop)
    articles, new_products = assortment.find_or_add(
        acts, shop=meaning.shop, currency=meaning.currency
    )
    rows = [_row(act, buyers, articles, meaning=meaning, at=at) for act in acts]
    new = writing.append_new(rows) if rows else frozenset()
    lines = history.import_orders(
        [
            _order(act, buyers, articles, currency=meaning.currency)
            for act in acts
            if act.kind == EventKind.ORDER_PAID
        ],
        source=meaning.shop,
    )
    attribution.attribute(line_ids=lines, at=at, is_history=True)
    set_aside([_rejected(bad, shop=meaning.shop) for bad in chunk.bad], received_at=at)
    moments = [act.occurred_at for act in acts]
    return Imported(
        first_at=min(moments, default=None),
        last_at=max(moments, default=None),
        lines=len(chunk),
        known=len(chunk.acts) - len(new),
        left_out=chunk.left_out,
        set_aside=len(chunk.bad),
        people=new_people,
        products=new_products,
        orders=len(lines),
        events=Counter(act.kind for act in acts if str(act.id) in new),
    )


def _first_seen(acts: Sequence[Act]) -> dict[str, datetime]:
    seen: dict[str, datetime] = {}
    for act in acts:
        seen[act.person] = min(seen.get(act.person, act.occurred_at), act.occurred_at)
    return seen


def _row(
    act: Act,
    buyers: Mapping[str, int],
    articles: Mapping[str, Article],
    *,
    meaning: Meaning,
    at: datetime,
) -> dict[str, Any]:
    is_priced = act.kind in _PRICED and act.price_minor is not None
    return {
        "id": act.id,
        "kind": act.kind,
        "occurred_at": act.occurred_at,
        "received_at": at,
        "person_id": buyers[act.person],
        "session_id": act.session_id,
        "product_id": articles[act.product].product_id,
        "order_id": _order_id(act) if act.kind == EventKind.ORDER_PAID else None,
        "quantity": 1 if act.kind in _PRICED else None,
        "amount_minor": act.price_minor if is_priced else None,
        "currency": meaning.currency if is_priced else "",
        "population": Population.REAL,
        "source": Source.IMPORT,
    }


def _order(
    act: Act, buyers: Mapping[str, int], articles: Mapping[str, Article], *, currency: str
) -> PastOrder:
    article, order_id = articles[act.product], _order_id(act)
    suffix = b32encode(order_id.bytes[-10:]).decode()[:11]
    return PastOrder(
        id=order_id,
        number=f"{act.occurred_at:%Y%m%d}-{suffix}",
        buyer_id=buyers[act.person],
        merchant_id=article.merchant_id,
        product_id=article.product_id,
        sku_id=article.sku_id,
        quantity=1,
        unit_price_minor=act.price_minor or 0,
        currency=currency,
        paid_at=act.occurred_at,
    )


def _order_id(act: Act) -> UUID:
    return uuid5(NAMESPACE, f"order {act.id}")


def _rejected(bad: BadLine, *, shop: str) -> Rejected:
    body = ",".join(bad.line.cells)
    return Rejected(
        person_id=None,
        visitor_id=None,
        event_id="",
        code=bad.code,
        message=bad.message,
        body=body,
        fingerprint=fingerprint(shop, str(bad.line.number), body),
    )
