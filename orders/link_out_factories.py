"""Clicks that led elsewhere, and reports of what came of them."""

from datetime import timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from orders.models import LinkOut, LinkOutConversion, LinkOutReport
from redshop.core.ids import uuid7


class LinkOutFactory(DjangoModelFactory[LinkOut]):
    """A click that led elsewhere."""

    class Meta:
        model = LinkOut

    product = factory.SubFactory(
        "redshop.catalog.factories.ProductFactory", external_url="https://shop.example/dress"
    )
    note_id = 7
    url = "https://shop.example/dress"
    clicked_at = factory.LazyFunction(timezone.now)
    population = "real"


class LinkOutReportFactory(DjangoModelFactory[LinkOutReport]):
    """A day's report of a tenth of the sales elsewhere."""

    class Meta:
        model = LinkOutReport

    id = factory.LazyFunction(uuid7)
    sample_share = 0.1
    received_at = factory.LazyFunction(timezone.now)
    since_at = factory.LazyAttribute(lambda report: report.received_at - timedelta(days=2))
    until_at = factory.LazyAttribute(lambda report: report.received_at - timedelta(days=1))


class LinkOutConversionFactory(DjangoModelFactory[LinkOutConversion]):
    """One sale elsewhere, of a click that is known here."""

    class Meta:
        model = LinkOutConversion

    report = factory.SubFactory(LinkOutReportFactory)
    click = factory.SubFactory(LinkOutFactory)
    reported_click_id = factory.LazyAttribute(lambda sale: sale.click.pk if sale.click else uuid7())
    quantity = 1
    amount_minor = 12_900
    currency = "CNY"
    converted_at = factory.LazyAttribute(lambda sale: sale.report.since_at)
