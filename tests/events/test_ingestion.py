from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from redshop.core.populations import Population
from redshop.events import partitions
from redshop.events.errors import BatchTooLarge
from redshop.events.factories import (
    MOMENT,
    EventIdFactory,
    IdentityFactory,
    OptOutFactory,
    batch,
    row,
)
from redshop.events.models import Event, EventId, RejectedEvent
from redshop.events.services.ingestion import ingest
from redshop.events.types import Ingested, Rejection

pytestmark = pytest.mark.django_db

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
VISITOR, SESSION = uuid4(), uuid4()


def take(*rows: Any, **rest: Any) -> Ingested:
    sent_at = rest.pop("sent_at", MOMENT)
    return ingest(
        batch=batch(*rows, sent_at=sent_at, visitor_id=VISITOR, session_id=SESSION),
        **{"person_id": None, "received_at": MOMENT, **rest},
    )


def codes(result: Ingested) -> list[str]:
    return [rejection.code for rejection in result.rejected]


def test_a_good_row_is_kept_as_it_came() -> None:
    given = row(
        kind="read",
        request_id=str(uuid4()),
        product_id=8,
        position=3,
        dwell_ms=900,
        completion=0.5,
        surface="search",
        query="红裙 👗",
    )

    result = take(given, person_id=5, population=Population.SIMULATED)

    event = Event.objects.get()
    assert result == Ingested(accepted=1, duplicates=0, rejected=())
    assert event.id == UUID(given["id"])
    assert (event.kind, event.surface, event.query) == ("read", "search", "红裙 👗")
    assert (event.occurred_at, event.received_at) == (MOMENT, MOMENT)
    assert (event.person_id, event.visitor_id, event.session_id) == (5, VISITOR, SESSION)
    assert (event.note_id, event.product_id, event.position) == (7, 8, 3)
    assert (event.dwell_ms, event.completion) == (900, 0.5)
    assert event.request_id == UUID(given["request_id"])
    assert (event.population, event.source) == ("simulated", "client")


def test_good_rows_are_kept_beside_bad_ones() -> None:
    bad = row(kind="like")

    result = take(row(), bad, row(), "nonsense", row())

    assert (result.accepted, result.duplicates) == (3, 0)
    assert result.rejected == (
        Rejection(1, bad["id"], "server_kind", "Only the server states events of this kind."),
        Rejection(3, None, "invalid_event", "An event is an object."),
    )
    assert Event.objects.count() == 3
    assert set(RejectedEvent.objects.values_list("event_id", "code")) == {
        (bad["id"], "server_kind"),
        ("", "invalid_event"),
    }


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"colour": "red"}, "unknown_field"),
        ({"\ud800": 1}, "unknown_field"),
        ({"kind": "order_paid"}, "server_kind"),
        ({"kind": "dance"}, "unknown_kind"),
        ({"kind": ""}, "unknown_kind"),
        ({"kind": None}, "invalid_kind"),
        ({"kind": ["impression"]}, "invalid_kind"),
        ({"id": None}, "invalid_id"),
        ({"id": 7}, "invalid_id"),
        ({"id": "7"}, "invalid_id"),
        ({"id": "urn:uuid:" + "0" * 32}, "invalid_id"),
        ({"id": "\ud800"}, "invalid_id"),
        ({"id": "\x00" * 36}, "invalid_id"),
        ({"occurred_at": None}, "invalid_occurred_at"),
        ({"occurred_at": 1774008000}, "invalid_occurred_at"),
        ({"occurred_at": "yesterday"}, "invalid_occurred_at"),
        ({"occurred_at": "2026-03-20T12:00:00"}, "invalid_occurred_at"),
        ({"occurred_at": "2026-03-20"}, "invalid_occurred_at"),
        ({"occurred_at": "2026-02-30T12:00:00Z"}, "invalid_occurred_at"),
        ({"occurred_at": "2026-03-20T12:00:60Z"}, "invalid_occurred_at"),
        ({"occurred_at": "２０２６-03-20T12:00:00Z"}, "invalid_occurred_at"),
        ({"occurred_at": "0000-01-01T00:00:00Z"}, "invalid_occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+01:00"}, "invalid_occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00Z"}, "too_late"),
        ({"occurred_at": "9999-12-31T23:59:59Z"}, "in_future"),
        ({"occurred_at": "9999-12-31T23:59:59-01:00"}, "invalid_occurred_at"),
        ({"surface": "moon"}, "invalid_surface"),
        ({"surface": {}}, "invalid_surface"),
        ({"request_id": "x"}, "invalid_request_id"),
        ({"note_id": 0}, "invalid_note_id"),
        ({"note_id": -1}, "invalid_note_id"),
        ({"note_id": 2**63}, "invalid_note_id"),
        ({"note_id": 10**400}, "invalid_note_id"),
        ({"note_id": "7"}, "invalid_note_id"),
        ({"note_id": 7.0}, "invalid_note_id"),
        ({"note_id": True}, "invalid_note_id"),
        ({"note_id": [7]}, "invalid_note_id"),
        ({"product_id": {"a": 1}}, "invalid_product_id"),
        ({"position": -1}, "invalid_position"),
        ({"position": 2**31}, "invalid_position"),
        ({"dwell_ms": float("inf")}, "invalid_dwell_ms"),
        ({"completion": float("nan")}, "invalid_completion"),
        ({"completion": 1.01}, "invalid_completion"),
        ({"completion": 10**400}, "invalid_completion"),
        ({"completion": True}, "invalid_completion"),
        ({"query": "x" * 201}, "invalid_query"),
        ({"query": "a\x00b"}, "invalid_query"),
        ({"query": "a\udfffb"}, "invalid_query"),
        ({"query": 7}, "invalid_query"),
    ],
)
def test_a_bad_row_says_why_and_spoils_no_other(fields: dict[str, Any], code: str) -> None:
    result = take(row(), row(**fields), row())

    assert result.accepted == 2
    assert codes(result) == [code]
    assert RejectedEvent.objects.get().code == code
    assert Event.objects.count() == 2


@pytest.mark.parametrize("odd", [None, True, 7, 1.5, "text", [], [[]], float("nan"), 10**400])
def test_what_is_no_object_is_no_event(odd: Any) -> None:
    result = take(odd, row())

    assert (result.accepted, codes(result)) == (1, ["invalid_event"])


def test_a_repeated_id_is_a_duplicate_even_with_another_moment() -> None:
    first = row()
    take(first, row())

    result = take({**first, "occurred_at": "2026-02-25T12:00:00Z"}, row())

    assert (result.accepted, result.duplicates, result.rejected) == (1, 1, ())
    assert Event.objects.count() == 3


def test_an_id_is_the_same_however_it_is_written() -> None:
    given = row()

    result = take(given, {**given, "id": given["id"].upper()}, given)

    assert (result.accepted, result.duplicates) == (1, 2)


def test_a_bad_row_does_not_take_the_id_of_a_good_one() -> None:
    good = row()

    result = take({**good, "position": "first"}, good)

    assert (result.accepted, result.duplicates, codes(result)) == (1, 0, ["invalid_position"])


def test_a_repeat_that_comes_too_late_is_still_a_duplicate() -> None:
    given = row()
    take(given)
    later = MOMENT + 34 * DAY

    result = take(given, row(), sent_at=later, received_at=later)

    assert (result.accepted, result.duplicates, codes(result)) == (0, 1, ["too_late"])
    assert RejectedEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("behind", "corrected"),
    [
        (2 * SECOND, timedelta()),
        (-2 * SECOND, timedelta()),
        (2.001 * SECOND, 2.001 * SECOND),
        (3600 * SECOND, 3600 * SECOND),
        (-3600 * SECOND, -3600 * SECOND),
    ],
)
def test_a_clock_that_is_wrong_by_more_than_two_seconds_is_corrected(
    behind: timedelta, corrected: timedelta
) -> None:
    occurred_at = MOMENT - DAY

    take(row(occurred_at=occurred_at.isoformat()), sent_at=MOMENT - behind)

    assert Event.objects.get().occurred_at == occurred_at + corrected


@pytest.mark.parametrize(
    ("age", "code"),
    [
        (30 * DAY, []),
        (30 * DAY + timedelta(microseconds=1), ["too_late"]),
        (-2 * SECOND, []),
        (-2.001 * SECOND, ["in_future"]),
    ],
)
def test_only_what_happened_within_thirty_days_is_taken(age: timedelta, code: list[str]) -> None:
    result = take(row(occurred_at=(MOMENT - age).isoformat()))

    assert codes(result) == code


def test_no_sending_moment_can_break_the_correction() -> None:
    for year in ("0001", "9999"):
        sent_at = MOMENT.replace(year=int(year))

        result = take(row(), row(occurred_at=f"{year}-01-02T00:00:00Z"), sent_at=sent_at)

        assert result.accepted + len(result.rejected) == 2


def test_a_batch_of_a_thousand_is_taken_and_one_more_refused() -> None:
    assert take(*[row() for _ in range(1_000)]).accepted == 1_000

    with pytest.raises(BatchTooLarge):
        take(*[row() for _ in range(1_001)])

    assert Event.objects.count() == 1_000
    assert RejectedEvent.objects.count() == 0


def test_an_empty_batch_is_fine() -> None:
    assert take() == Ingested(accepted=0, duplicates=0, rejected=())


def test_what_is_set_aside_can_be_read_and_is_cut() -> None:
    take(row(query="\ud800\x00" + "字" * 3_000))

    kept = RejectedEvent.objects.get()
    assert len(kept.body) == 2_000
    assert '"query": "\\ud800\\u0000字字' in kept.body


def test_a_batch_that_is_sent_again_leaves_no_second_copy_of_its_bad_rows() -> None:
    rows = [row(), row(kind="like"), row(kind="dance"), row(kind="dance")]
    take(*rows)

    result = take(*rows, sent_at=MOMENT + SECOND, received_at=MOMENT + SECOND)

    assert (result.duplicates, codes(result)) == (1, ["server_kind", *["unknown_kind"] * 2])
    assert RejectedEvent.objects.count() == 3


def test_bad_rows_without_an_id_are_all_kept() -> None:
    take("x", "x")
    take("x", "x")

    assert RejectedEvent.objects.count() == 4


@pytest.mark.parametrize("is_by_login", [True, False])
def test_who_withdrew_analytics_leaves_no_trace_in_the_log(is_by_login: bool) -> None:
    OptOutFactory.create(person_id=5)
    IdentityFactory.create(person_id=5, visitor_id=VISITOR)

    result = take(
        row(request_id=str(uuid4()), kind="note_open"), person_id=5 if is_by_login else None
    )

    event = Event.objects.get()
    assert result.accepted == 1
    assert (event.kind, event.note_id) == ("note_open", 7)
    assert event.person_id is None
    assert event.visitor_id is None
    assert event.session_id is None
    assert event.request_id is None


@pytest.mark.parametrize("owner", [5, 6])
def test_others_are_not_touched_by_someone_who_withdrew(owner: int) -> None:
    OptOutFactory.create(person_id=5)
    IdentityFactory.create(person_id=owner, visitor_id=VISITOR)

    take(row(), person_id=6)

    event = Event.objects.get()
    assert (event.person_id, event.visitor_id) == (6, VISITOR)


def test_a_batch_takes_three_statements_whatever_its_size(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_known", set())
    around = 3  # are the partitions there (asked once, outside tests), savepoint, release
    take(row())
    for size in (1, 200):
        bad = [row(kind="like") for _ in range(size)]

        with django_assert_num_queries(around + 3):
            take(*[row() for _ in range(size)], *bad)


def test_the_ledger_remembers_when_an_id_was_taken() -> None:
    EventIdFactory.create()
    given = row()

    take(given)

    assert EventId.objects.get(pk=given["id"]).received_at == MOMENT
