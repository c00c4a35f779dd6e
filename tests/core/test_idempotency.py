"""One effect for each key, and the same answer for each repeat."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from redshop.core import idempotency
from redshop.core.errors import DomainError
from redshop.core.idempotency import Answer, Call, IdempotencyKeyReused, InProgress
from redshop.core.models import Fact, IdempotencyKey

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def call(*, digest: str = "a") -> Call:
    return Call(person_id=1, name="test", key=uuid4(), digest=digest)


def work_that_answers(status: int) -> Callable[[], Answer]:
    """Return work that leaves one row behind."""

    def work() -> Answer:
        Fact.objects.create(kind="effect", key=str(uuid4()), consumer="x", due_at=NOW)
        return Answer(status=status, body=b'{"n": 1}', content_type="application/json")

    return work


def effects() -> int:
    return Fact.objects.filter(kind="effect").count()


@pytest.mark.django_db
def test_a_repeat_gets_the_same_bytes_and_has_no_effect() -> None:
    first = call()

    answer = idempotency.once(first, work=work_that_answers(201), at=NOW)
    replay = idempotency.once(first, work=work_that_answers(500), at=NOW + timedelta(hours=23))

    assert (replay.status, replay.body, replay.is_replay) == (201, answer.body, True)
    assert not answer.is_replay
    assert effects() == 1


@pytest.mark.django_db
def test_a_key_of_another_request_is_refused() -> None:
    first = call()
    idempotency.once(first, work=work_that_answers(201), at=NOW)

    with pytest.raises(IdempotencyKeyReused):
        idempotency.once(
            Call(person_id=1, name="test", key=first.key, digest="b"),
            work=work_that_answers(201),
            at=NOW,
        )

    assert effects() == 1


@pytest.mark.django_db
def test_a_refusal_is_kept_and_what_it_wrote_is_undone() -> None:
    first = call()

    assert idempotency.once(first, work=work_that_answers(422), at=NOW).status == 422
    assert idempotency.once(first, work=work_that_answers(201), at=NOW).status == 422
    assert effects() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("status", [409, 429, 500, 503])
def test_an_answer_that_may_change_is_never_kept(status: int) -> None:
    first = call()

    assert idempotency.once(first, work=work_that_answers(status), at=NOW).status == status
    assert not IdempotencyKey.objects.exists()
    assert idempotency.once(first, work=work_that_answers(201), at=NOW).status == 201
    assert effects() == 1


@pytest.mark.django_db
def test_a_key_is_forgotten_after_a_day() -> None:
    first = call()
    idempotency.once(first, work=work_that_answers(201), at=NOW)

    assert idempotency.forget_expired(at=NOW + timedelta(hours=23)) == 0
    idempotency.once(first, work=work_that_answers(201), at=NOW + timedelta(days=1))
    assert effects() == 2


@pytest.mark.django_db(transaction=True)
def test_a_crash_between_work_and_answer_leaves_neither() -> None:
    first = call()

    def crash() -> Answer:
        work_that_answers(201)()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        idempotency.once(first, work=crash, at=NOW)

    assert effects() == 0
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_while_the_first_is_running_a_repeat_is_told_so() -> None:
    first, inside, finish = call(), threading.Event(), threading.Event()

    def slow() -> Answer:
        inside.set()
        finish.wait(10)
        return work_that_answers(201)()

    def run() -> None:
        try:
            idempotency.once(first, work=slow, at=NOW)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    inside.wait(10)

    with pytest.raises(InProgress):
        idempotency.once(first, work=work_that_answers(201), at=NOW)
    finish.set()
    thread.join()

    assert idempotency.once(first, work=work_that_answers(201), at=NOW).is_replay
    assert effects() == 1


class TooLate(DomainError):
    """What the call wants has been done."""

    code = "too_late"
    status = 409


def too_late() -> Answer:
    raise TooLate


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("work", [work_that_answers(201), work_that_answers(422), too_late])
@pytest.mark.parametrize("is_in_phases", [False, True])
def test_who_missed_what_a_twin_kept_undoes_the_work_and_gives_the_twins_answer(
    work: Callable[[], Answer], is_in_phases: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = call()
    answer = idempotency.once(first, work=work_that_answers(201), at=NOW)
    look, blind_looks = idempotency._look, [2 if is_in_phases else 1]

    def look_too_early(*given: Any, **how: Any) -> Answer | None:
        blind_looks[0] -= 1
        return None if blind_looks[0] >= 0 else look(*given, **how)

    monkeypatch.setattr(idempotency, "_look", look_too_early)

    if is_in_phases:
        twin = idempotency.in_phases(
            first,
            begin=lambda: None,
            between=lambda _: None,
            finish=lambda _begun, _middle: work(),
            at=NOW,
        )
    else:
        twin = idempotency.once(first, work=work, at=NOW)

    assert (twin.status, twin.body, twin.is_replay) == (201, answer.body, True)
    assert effects() == 1
