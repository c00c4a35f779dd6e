"""The connection that is kept: what the server refuses it refuses, and an end of it is noticed."""

from typing import Any

import pytest
from django.db import DataError, connection, transaction
from django.db.models import F, IntegerField, Value

from redshop.core.models import Fact
from tests.races import at_once


@pytest.mark.django_db
@pytest.mark.parametrize("number", [2**31, 2**63 - 1, -(2**31) - 1])
def test_a_number_that_a_column_cannot_hold_is_refused_not_cut(number: int) -> None:
    too_large = F("attempts") + Value(number, IntegerField())

    with pytest.raises(DataError, match="out of range"), transaction.atomic():
        list(Fact.objects.annotate(sum=too_large).values_list("sum"))


@pytest.mark.django_db
def test_statements_are_prepared() -> None:
    for number in range(3):
        list(Fact.objects.filter(pk=number))

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement ~ 'core_fact'")
        assert cursor.fetchone()[0] >= 1


@pytest.mark.django_db
def test_several_commands_at_once_can_be_sent_again_and_again() -> None:
    for _ in range(3):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1; SELECT 2")


def _use_after_the_server_hung_up() -> str:
    connection.settings_dict = {**connection.settings_dict, "CONN_HEALTH_CHECKS": True}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        first = cursor.fetchone()[0]
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 2000)", [first])
    other.close()
    connection.close_if_unusable_or_obsolete()  # as a request begins
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return "another" if cursor.fetchone()[0] != first else "the same"


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_ended_is_replaced_before_it_is_used() -> None:
    assert at_once([_use_after_the_server_hung_up]) == {"another": 1}


def _looks() -> int:
    connection.settings_dict = {**connection.settings_dict, "CONN_HEALTH_CHECKS": True}
    connection.settings_dict["CONN_MAX_AGE"] = None
    connection.close()
    connection.ensure_connection()
    connection.close_if_unusable_or_obsolete()
    asked: list[str] = []

    def note(run: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return run(sql, *rest)

    with connection.execute_wrapper(note):
        connection.ensure_connection()
        assert connection.is_usable()
    return len(asked)


@pytest.mark.django_db(transaction=True)
def test_looking_asks_the_server_nothing() -> None:
    assert at_once([_looks]) == {"0": 1}
