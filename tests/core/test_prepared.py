"""A query that is compiled once finds what the QuerySet finds, and refuses what it cannot do."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.db.models import QuerySet

from orders.models import Order
from redshop.core import prepared
from redshop.core.models import Fact, IdempotencyKey
from redshop.core.prepared import NotPreparable

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@prepared.prepared
def kept(*, person_id: int, name: str | None, since: datetime) -> QuerySet[IdempotencyKey]:
    found = IdempotencyKey.objects.filter(person_id=person_id, created_at__gt=since)
    return found.order_by("pk") if name is None else found.filter(call=name)


@prepared.prepared
def of_people(*, person_ids: list[int]) -> QuerySet[IdempotencyKey, tuple[int, UUID]]:
    keys = IdempotencyKey.objects.filter(person_id__in=person_ids).order_by("person_id")
    return keys.values_list("person_id", "key")


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    prepared.forget()
    yield
    prepared.forget()


def keep(person_id: int, *, call: str = "pay", at: datetime = NOW) -> IdempotencyKey:
    return IdempotencyKey.objects.create(
        person_id=person_id, call=call, key=uuid4(), digest="", status=201, body=b"{}",
        content_type="application/json", created_at=at,
    )  # fmt: skip


@pytest.mark.django_db
def test_each_run_has_its_own_values() -> None:
    first, second = keep(1), keep(2)
    before = NOW - timedelta(days=1)

    assert kept(person_id=1, name="pay", since=before) == [first]
    assert kept(person_id=2, name="pay", since=before) == [second]
    assert kept(person_id=2, name="checkout", since=before) == []
    assert kept(person_id=2, name="pay", since=NOW) == []


@pytest.mark.django_db
def test_nothing_chooses_another_text() -> None:
    pay, checkout = keep(1), keep(1, call="checkout")
    before = NOW - timedelta(days=1)

    assert kept(person_id=1, name="pay", since=before) == [pay]
    assert kept(person_id=1, name=None, since=before) == [pay, checkout]


@pytest.mark.django_db
@pytest.mark.parametrize("person_ids", [[], [1], [2, 1], [1, 2, 3]])
def test_lists_of_every_length_are_taken(person_ids: list[int]) -> None:
    keys = {person_id: keep(person_id).key for person_id in (1, 2, 3)}

    found = of_people(person_ids=person_ids)

    assert found == [(person_id, keys[person_id]) for person_id in sorted(person_ids)]


@pytest.mark.django_db
def test_the_text_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[object] = []
    compile_ = prepared._compile

    def note(*given: Any) -> Any:
        compiled.append(given)
        return compile_(*given)

    monkeypatch.setattr(prepared, "_compile", note)

    for person_id in range(5):
        kept(person_id=person_id, name="pay", since=NOW)

    assert len(compiled) == 1


@pytest.mark.django_db
def test_a_value_that_is_computed_inside_is_refused() -> None:
    @prepared.prepared
    def lately(*, at: datetime) -> QuerySet[IdempotencyKey]:
        return IdempotencyKey.objects.filter(created_at__gt=at - timedelta(days=1))

    with pytest.raises(NotPreparable, match="lately"):
        lately(at=NOW)


@pytest.mark.django_db
def test_rows_that_would_be_missing_are_refused() -> None:
    @prepared.prepared
    def with_lines(*, order_id: UUID) -> QuerySet[Order]:
        return Order.objects.filter(pk=order_id).prefetch_related("lines")

    with pytest.raises(NotPreparable, match="prefetches"):
        with_lines(order_id=uuid4())


@pytest.mark.django_db(transaction=True)
def test_rows_are_locked_only_within_a_transaction() -> None:
    @prepared.prepared
    def locked(*, key: str) -> QuerySet[Fact]:
        return Fact.objects.filter(key=key).locked()

    with transaction.atomic():
        assert locked(key="a") == []
    with pytest.raises(transaction.TransactionManagementError):
        locked(key="a")
