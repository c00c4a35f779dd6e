"""Rows by binary COPY: what arrives is what was given, and what cannot be given is refused."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.db import connection

from redshop.core.copying import NotCopyable, copy
from redshop.core.db import TransactionRequired

pytestmark = pytest.mark.django_db

MOMENTS = [
    datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 11, 30, 8, 15, 0, 1, tzinfo=UTC),
]
IDS = [UUID(int=1), UUID("ffffffff-ffff-7fff-bfff-ffffffffffff")]


def table(columns: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE told ({columns}) ON COMMIT DROP")


def rows() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM told")
        return list(cursor.fetchall())


def test_every_type_arrives_as_it_was_given() -> None:
    table(
        "big bigint, plain integer, small smallint, share double precision, is_it boolean,"
        " at timestamptz, name uuid, word text, nothing text, other integer DEFAULT 7"
    )

    count = copy(
        "told",
        {
            "big": np.array([-1, 2**62]),
            "plain": np.array([-(2**31), 2**31 - 1], dtype=np.int32),
            "small": np.array([-3, 4], dtype=np.int16),
            "share": np.array([0.1, -1e300]),
            "is_it": np.array([True, False]),
            "at": np.array([each.replace(tzinfo=None) for each in MOMENTS], "datetime64[us]"),
            "name": np.array([each.bytes for each in IDS], dtype="V16"),
            "word": "种草",
            "nothing": "",
        },
    )

    assert count == 2
    assert rows() == [
        (-1, -(2**31), -3, 0.1, True, MOMENTS[0], IDS[0], "种草", "", 7),
        (2**62, 2**31 - 1, 4, -1e300, False, MOMENTS[1], IDS[1], "种草", "", 7),
    ]


def test_more_than_one_message_of_rows_arrives() -> None:
    table("number bigint")

    assert copy("told", {"number": np.arange(300_000)}) == 300_000

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), sum(number) FROM told")
        assert cursor.fetchone() == (300_000, 300_000 * 299_999 // 2)


def test_no_rows_are_no_rows() -> None:
    table("number bigint")

    assert copy("told", {"number": np.arange(0)}) == 0
    assert rows() == []


@pytest.mark.parametrize(
    "columns",
    [
        {"number": np.array([1.0], dtype=np.float32)},
        {"number": np.array(["a"])},
        {"number": np.arange(2), "other": np.arange(3)},
        {"number": "no length"},
    ],
)
def test_what_the_server_could_not_take_is_refused(columns: dict[str, Any]) -> None:
    table("number bigint, other bigint")

    with pytest.raises(NotCopyable):
        copy("told", columns)

    assert rows() == []


@pytest.mark.django_db(transaction=True)
def test_the_caller_owns_the_transaction() -> None:
    with pytest.raises(TransactionRequired):
        copy("accounts_follow", {"follower_id": np.arange(1)})
