"""Facts and kept answers, for tests and for developers."""

from datetime import timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from redshop.core.ids import uuid7
from redshop.core.models import Fact, IdempotencyKey


class FactFactory(DjangoModelFactory[Fact]):
    """A fact that nobody knows how to consume, due tomorrow."""

    class Meta:
        model = Fact

    kind = "example.happened"
    key = factory.Sequence(str)
    consumer = "example.consumer"
    due_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=1))


class IdempotencyKeyFactory(DjangoModelFactory[IdempotencyKey]):
    """An answer that was given to a call, kept for a day."""

    class Meta:
        model = IdempotencyKey

    person_id = 1
    call = "example"
    key = factory.LazyFunction(uuid7)
    digest = "0" * 64
    status = 201
    body = b"{}"
    content_type = "application/json"
    created_at = factory.LazyFunction(timezone.now)
