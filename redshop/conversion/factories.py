"""Conversions, for tests and for developers."""

from typing import Any

import factory
from django.db import transaction
from django.utils import timezone
from factory.django import DjangoModelFactory

from redshop.conversion.models import Attribution, Credit, Lookback
from redshop.conversion.selectors import paths
from redshop.conversion.services import attribution
from redshop.conversion.types import AttributionModel


class LookbackFactory(DjangoModelFactory[Lookback]):
    """How far back touches count in a category of its own."""

    class Meta:
        model = Lookback
        django_get_or_create = ["category_slug"]

    category_slug = factory.Sequence(lambda n: f"category-{n}")
    days = 15


class AttributionFactory(DjangoModelFactory[Attribution]):
    """A paid line as the service attributes it, with its credits; ``line`` must be given."""

    class Meta:
        model = Attribution

    line: Any = None
    at = factory.LazyFunction(timezone.now)

    @classmethod
    def _create(cls, model_class: type[Attribution], *args: Any, **kwargs: Any) -> Attribution:
        lines = paths.lines_of_orders([kwargs["line"].order_id])
        with transaction.atomic():
            attribution.attribute(line_ids=lines, at=kwargs["at"])
        return model_class.objects.get(line=kwargs["line"])


class CreditFactory(DjangoModelFactory[Credit]):
    """The credit of a paid line that ``model`` gives its note; ``line`` must be given."""

    class Meta:
        model = Credit

    line: Any = None
    model = AttributionModel.LAST_TOUCH.value
    at = factory.LazyFunction(timezone.now)

    @classmethod
    def _create(cls, model_class: type[Credit], *args: Any, **kwargs: Any) -> Credit:
        AttributionFactory(line=kwargs["line"], at=kwargs["at"])
        return model_class.objects.filter(line=kwargs["line"], model=kwargs["model"]).latest("pk")
