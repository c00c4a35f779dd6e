"""Conversions, for tests and for developers."""

from datetime import date, timedelta
from typing import Any

import factory
from django.db import transaction
from django.utils import timezone
from factory.django import DjangoModelFactory

from notes.factories import NoteFactory
from orders.models import OrderLine
from redshop.conversion.models import (
    Attribution,
    Credit,
    FunnelCell,
    FunnelTaking,
    FunnelWay,
    ImportedLog,
    Lookback,
    MarkovReport,
    NoteSnapshot,
    RollUp,
    SaleCell,
    SaleShare,
    UnreadSale,
)
from redshop.conversion.rollups.ways import STARTED
from redshop.conversion.rollups.windows import ALL, WINDOWS
from redshop.conversion.services import attribution
from redshop.conversion.types import AttributionModel
from redshop.events.kinds import EventKind, Surface
from redshop.events.services import recording


class LookbackFactory(DjangoModelFactory[Lookback]):
    """How far back touches count in a category of its own."""

    class Meta:
        model = Lookback
        django_get_or_create = ["category_slug"]

    category_slug = factory.Sequence(lambda n: f"category-{n}")
    days = 15


class MarkovReportFactory(DjangoModelFactory[MarkovReport]):
    """Two groups, each of which would have been missed."""

    class Meta:
        model = MarkovReport

    version = 1
    group_by = "surface"
    first = factory.Sequence(lambda n: date(2026, 1, 1) + timedelta(days=n))
    end = factory.LazyAttribute(lambda row: row.first + timedelta(days=28))
    zone = "Asia/Shanghai"
    population = "real"
    currency = "CNY"
    paths = 10
    conversions = 2
    effects = [["explore", 0.5], ["search", 0.75]]
    computed_at = factory.LazyFunction(timezone.now)


class NoteSnapshotFactory(DjangoModelFactory[NoteSnapshot]):
    """A note that nobody saw on its first day."""

    class Meta:
        model = NoteSnapshot

    note = factory.SubFactory(NoteFactory)
    days = 1
    until = factory.LazyFunction(timezone.now)
    figures = {"impressions": 0, "people": 0}
    credits: dict[str, Any] = {}
    computed_at = factory.LazyFunction(timezone.now)
    is_final = False


class ImportedLogFactory(DjangoModelFactory[ImportedLog]):
    """A log of which nothing is imported yet."""

    class Meta:
        model = ImportedLog

    shop = "laden"
    name = factory.Sequence(lambda n: f"log-{n}.csv")
    digest = factory.Sequence(lambda n: f"{n:032x}")
    read_as: dict[str, Any] = {}
    started_at = factory.LazyFunction(timezone.now)


class AttributionFactory(DjangoModelFactory[Attribution]):
    """A paid line as the service attributes it, with its credits."""

    class Meta:
        model = Attribution

    line = factory.SubFactory("orders.factories.PaidLineFactory")
    at = factory.LazyFunction(timezone.now)

    @classmethod
    def _create(cls, model_class: type[Attribution], *args: Any, **kwargs: Any) -> Attribution:
        with transaction.atomic():
            attribution.attribute_orders(order_ids=[kwargs["line"].order_id], at=kwargs["at"])
        return model_class.objects.get(line=kwargs["line"])


class CreditFactory(DjangoModelFactory[Credit]):
    """The credit of a paid line that ``model`` gives its note; the buyer opens one if need be."""

    class Meta:
        model = Credit

    line = factory.SubFactory("orders.factories.PaidLineFactory")
    model = AttributionModel.LAST_TOUCH.value
    at = factory.LazyFunction(timezone.now)

    @classmethod
    def _create(cls, model_class: type[Credit], *args: Any, **kwargs: Any) -> Credit:
        line, at = kwargs["line"], kwargs["at"]
        if not AttributionFactory.create(line=line, at=at).is_attributed:
            open_a_note(line)
            AttributionFactory.create(line=line, at=at)
        return model_class.objects.filter(line=kwargs["line"], model=kwargs["model"]).latest("pk")


def open_a_note(line: OrderLine) -> None:
    """Let the buyer have opened a note that shows the product, an hour before they paid."""
    order = line.order
    if order.paid_at is None:
        raise ValueError("only a paid line is a conversion")
    opened_at = order.paid_at - timedelta(hours=1)
    note = NoteFactory.create(products=[line.product], published_at=opened_at - timedelta(hours=1))
    seen = recording.ServerEvent(
        kind=EventKind.NOTE_OPEN,
        occurred_at=opened_at,
        person_id=order.buyer_id,
        population=order.population,
        note_id=note.pk,
        surface=Surface.EXPLORE,
    )
    with transaction.atomic():
        recording.record([seen])


class RollUpFactory(DjangoModelFactory[RollUp]):
    """Sums that are as fresh as can be."""

    class Meta:
        model = RollUp
        django_get_or_create = ["name"]

    name = RollUp.Of.FUNNELS
    fresh_at = factory.LazyFunction(timezone.now)


class FunnelWayFactory(DjangoModelFactory[FunnelWay]):
    """Somebody who saw a product and went no farther."""

    class Meta:
        model = FunnelWay

    actor = factory.Sequence(lambda n: f"real:{n}")
    population = "real"
    product_id = 1
    day = date(2026, 3, 20)
    note_id = 0
    surface = Surface.EXPLORE
    currency = ""
    category_id = 1
    brand_id = 1
    reached = STARTED
    net_minor = factory.LazyFunction(lambda: [0] * len(WINDOWS))


class FunnelCellFactory(DjangoModelFactory[FunnelCell]):
    """One who started on a day."""

    class Meta:
        model = FunnelCell

    grain = "all"
    population = "real"
    window = 0
    first = date(2026, 3, 20)
    last = date(2026, 3, 20)
    measure = 0
    key = factory.Sequence(str)
    people = 1


class FunnelTakingFactory(DjangoModelFactory[FunnelTaking]):
    """What was paid and kept after the starts of a day."""

    class Meta:
        model = FunnelTaking

    grain = "all"
    population = "real"
    window = 0
    day = date(2026, 3, 20)
    currency = "CNY"
    key = factory.Sequence(str)
    net_minor = 1_000


class UnreadSaleFactory(DjangoModelFactory[UnreadSale]):
    """A mark of a line whose credits are to be added up again."""

    class Meta:
        model = UnreadSale

    line_id = factory.Sequence(lambda n: n + 1)


class SaleShareFactory(DjangoModelFactory[SaleShare]):
    """A whole sale, credited to one note within every window."""

    class Meta:
        model = SaleShare

    line_id = factory.Sequence(lambda n: n + 1)
    model = AttributionModel.LAST_TOUCH
    windows = ALL
    day = date(2026, 3, 20)
    population = "real"
    currency = "CNY"
    note_id = 1
    author_id = 1
    weight = 1_000_000_000
    gross_minor = 1_000
    refunded_minor = 0


class SaleCellFactory(DjangoModelFactory[SaleCell]):
    """What all notes had of the sales of a day."""

    class Meta:
        model = SaleCell

    grain = "all"
    model = AttributionModel.LAST_TOUCH
    population = "real"
    currency = "CNY"
    day = date(2026, 3, 20)
    windows = ALL
    key = factory.Sequence(str)
    weight = 1_000_000_000
    gross_minor = 1_000
    refunded_minor = 0
    refunded_then_minor = 0
