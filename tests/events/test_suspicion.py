"""Machines are marked and left out of what is counted; people are not, however much they scroll."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone

from redshop.conversion.models import Credit
from redshop.core.ids import uuid7
from redshop.events.factories import MOMENT, batch, row
from redshop.events.models import Event
from redshop.events.services import ingestion, retention
from redshop.events.suspicion import MOST_A_MINUTE, is_bot, minute_of
from tests.conversion import world
from tests.conversion.test_funnel import ask
from tests.events.test_events_api import envelope, post
from tests.events.test_events_api import row as sent

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parent.parent.parent


def report(count: int, visitor: UUID, *, minute: int = 0, **rest: Any) -> int:
    """Report events of a minute, at most 1,000 a batch; return how many were accepted."""
    accepted = 0
    at = (MOMENT + minute * timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    while count:
        rows = [row(occurred_at=at) for _ in range(min(count, 1_000))]
        count -= len(rows)
        accepted += ingestion.ingest(
            batch=batch(*rows, visitor_id=visitor, sent_at=MOMENT + timedelta(hours=1)),
            received_at=MOMENT + timedelta(hours=1),
            **{"person_id": None, **rest},
        ).accepted
    return accepted


def marks() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT suspicion, count(*) FROM events_event GROUP BY 1")
        return dict(cursor.fetchall())


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0.0.0 Safari/537.36",
        "Scrapy/2.11 (+https://scrapy.org)",
        "facebookexternalhit/1.1",
    ],
)
def test_who_calls_itself_a_machine_is_one(agent: str) -> None:
    assert is_bot(agent)
    assert post(envelope(sent(), sent()), User_Agent=agent).json()["accepted"] == 2
    assert marks() == {"bot": 2}


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "okhttp/4.12.0",
        "python-requests/2.32",
        "redshop/3.1 (iPhone; iOS 18.1; Scale/3.00)",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15",
        "Mozilla/5.0 (Linux; Android 14; Cubot Note 50) AppleWebKit/537.36 Chrome/120 Mobile",
        "Dalvik/2.1.0 (Linux; U; Android 14; abbott)",
    ],
)
def test_whose_name_says_nothing_is_a_person(agent: str) -> None:
    assert post(envelope(sent()), User_Agent=agent).json()["accepted"] == 1
    assert marks() == {"": 1}


def test_more_than_a_person_does_in_a_minute_is_marked_from_then_on() -> None:
    visitor = uuid4()

    assert report(MOST_A_MINUTE - 1_000, visitor) == MOST_A_MINUTE - 1_000
    assert report(1_000, visitor) == 1_000
    assert marks() == {"": MOST_A_MINUTE}
    assert report(1, visitor) == 1

    assert marks() == {"": MOST_A_MINUTE, "flood": 1}


def test_a_day_that_was_reported_at_once_is_a_persons() -> None:
    visitor = uuid4()

    for minute in range(6):
        report(200, visitor, minute=minute)
    report(MOST_A_MINUTE, uuid4())

    assert marks() == {"": 1_200 + MOST_A_MINUTE}


def test_a_batch_that_is_sent_again_and_again_counts_once() -> None:
    rows = [row() for _ in range(700)]
    sending = batch(*rows, visitor_id=uuid4())

    for _ in range(4):
        ingestion.ingest(batch=sending, person_id=None, received_at=MOMENT)

    assert marks() == {"": 700}


def test_somebody_with_a_token_cannot_hide_behind_many_devices() -> None:
    person = world.person()
    for _ in range(2):
        report(MOST_A_MINUTE // 2, uuid4(), person_id=person.pk)
    report(1, uuid4(), person_id=person.pk)

    assert marks() == {"": MOST_A_MINUTE, "flood": 1}


def test_what_is_marked_leads_to_no_sale_and_no_funnel() -> None:
    product, buyer = world.product(), world.person()
    note = world.note(product)
    world.event("impression", world.NOW - world.HOUR, buyer, note, suspicion="flood")
    world.event("note_open", world.NOW - world.HOUR, buyer, note, suspicion="bot")
    seen = world.event("note_open", world.NOW - 2 * world.HOUR, buyer, note)
    order = world.order(buyer, (product, 100))

    world.attribute(order)

    credits_ = Credit.objects.filter(model="linear")
    assert [credit.touch_id for credit in credits_] == [seen.id]
    [people] = ask(steps=("impression", "note_open"), optional=frozenset()).results
    assert [step.people for step in people.steps] == [0, 0]


def test_counts_are_forgotten_after_a_day() -> None:
    report(3, uuid4())
    now = timezone.now()
    post(envelope(sent(id=str(uuid7()))))

    assert retention.forget_pace(at=now) == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT minute FROM events_pace")
        assert [minute for (minute,) in cursor.fetchall()] == [minute_of(now)]


def test_whoever_reads_the_log_for_people_says_what_becomes_of_marked_events() -> None:
    log = re.compile(r"(?:FROM|JOIN) events_event\b")
    #: The log as it is: what it holds, whether there is any, when something arrived late.
    whole = {"writing.py", "paths.py", "report.py", "duck.py", "spark.py"}
    silent = [
        str(path.relative_to(ROOT))
        for package in ("redshop", "notes", "orders")
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts and path.name not in whole
        if log.search(text := path.read_text()) and "suspicion" not in text
    ]

    assert silent == []
    assert Event._meta.get_field("suspicion").default == ""
