"""Leading people to shops elsewhere, and taking in what those shops report later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from orders.errors import NoExternalShop
from orders.models import LinkOut, LinkOutConversion, LinkOutReport
from redshop.catalog.models import Product
from redshop.core.db import requires_transaction, use_case
from redshop.core.errors import NotFound
from redshop.core.ids import uuid7
from redshop.core.populations import Population
from redshop.events.kinds import EventKind
from redshop.events.services import recording
from redshop.events.services.recording import ServerEvent

#: What a link may begin with; anything else could run in the reader's browser.
SCHEMES: Final = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """One sale that a shop elsewhere reports."""

    click_id: UUID
    quantity: int
    amount_minor: int
    currency: str
    converted_at: datetime


@requires_transaction
def click(
    *,
    product_id: int,
    note_id: int,
    request_id: UUID | None = None,
    person_id: int | None,
    visitor_id: UUID | None,
    population: str = Population.REAL,
    at: datetime,
) -> LinkOut:
    """Lead someone from a note to the product's own shop elsewhere, and remember the click.

    The click and its event have one id; who clicked is in the behaviour log only.

    Raises:
        NotFound: there is no such product on show.
        NoExternalShop: it is not sold elsewhere, or not at an address of the web.
    """
    product = Product.objects.filter(pk=product_id, is_listed=True).only("external_url").first()
    if product is None:
        raise NotFound
    click_id = uuid7(at)
    made = LinkOut.objects.create(
        id=click_id,
        product=product,
        note_id=note_id,
        url=_url(product.external_url, click_id=click_id),
        clicked_at=at,
        population=population,
    )
    event = ServerEvent(
        id=click_id,
        kind=EventKind.LINK_OUT,
        occurred_at=at,
        person_id=person_id,
        visitor_id=visitor_id,
        population=population,
        request_id=request_id,
        note_id=note_id,
        product_id=product_id,
    )
    recording.record([event])
    return made


#: ``click`` in a transaction of its own.
click_out = use_case(click)


@use_case
def take_report(
    *,
    report_id: UUID,
    sample_share: float,
    since_at: datetime,
    until_at: datetime,
    conversions: Sequence[Reported],
    at: datetime,
) -> bool:
    """Keep a report, once however often it is sent; tell whether it is new.

    A conversion whose click nobody made here is kept as unmatched.
    """
    report = LinkOutReport(
        id=report_id,
        sample_share=sample_share,
        since_at=since_at,
        until_at=until_at,
        received_at=at,
    )
    try:
        with transaction.atomic():
            report.save(force_insert=True)
    except IntegrityError:
        if LinkOutReport.objects.filter(pk=report_id).exists():
            return False
        raise
    ids = {sale.click_id for sale in conversions}
    known = set(LinkOut.objects.filter(pk__in=ids).values_list("pk", flat=True))
    LinkOutConversion.objects.bulk_create(
        [_conversion(report, sale, is_known=sale.click_id in known) for sale in conversions],
        batch_size=1_000,
    )
    return True


def _conversion(report: LinkOutReport, sale: Reported, *, is_known: bool) -> LinkOutConversion:
    return LinkOutConversion(
        report=report,
        reported_click_id=sale.click_id,
        click_id=sale.click_id if is_known else None,
        quantity=sale.quantity,
        amount_minor=sale.amount_minor,
        currency=sale.currency,
        converted_at=sale.converted_at,
    )


def _url(address: str, *, click_id: UUID) -> str:
    """Return the product's own address with the click's id as a parameter.

    Raises:
        NoExternalShop: the address is not one of the web.
    """
    parts = _split(address)
    if parts.scheme not in SCHEMES or not parts.hostname or parts.username is not None:
        raise NoExternalShop
    name = settings.LINK_OUT_PARAMETER
    kept = [pair for pair in parts.query.split("&") if pair and pair.split("=")[0] != name]
    return urlunsplit(parts._replace(query="&".join([*kept, f"{name}={click_id}"])))


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError as error:
        raise NoExternalShop from error
