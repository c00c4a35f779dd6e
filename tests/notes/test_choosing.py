"""Which policy ranks for whom, and how policies are made in the admin."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import Error, transaction
from django.test import Client
from django.urls import reverse

from notes.discovery import choosing, feed
from notes.discovery.policies import FeedPolicy
from notes.discovery.types import Viewer
from notes.factories import NoteFactory, RankingPolicyFactory
from notes.models import FeedSnapshot, RankingPolicy
from notes.services import policies
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import User
from redshop.core.errors import InvalidInput, NotFound
from redshop.experiments.factories import ArmFactory, ExperimentFactory
from redshop.experiments.models import Exposure
from redshop.experiments.services import running
from tests.api import ApiClient
from tests.notes.policies import make_default

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def compare(*labels: str) -> None:
    """Run the experiment whose arms are these policies."""
    experiment = ExperimentFactory.create(key="explore", state="draft", started_at=None)
    experiment.arms.all().delete()
    for place, label in enumerate(labels):
        ArmFactory.create(experiment=experiment, key=label, is_control=not place)
    running.start(experiment_id=experiment.pk, at=NOW)


def test_everybody_is_ranked_by_the_default_and_nothing_is_logged() -> None:
    assert choosing.for_viewer(Viewer(UserFactory.create().pk), at=NOW).label == "ces_folk_v4"
    assert [policy.label for policy in choosing.active()] == ["ces_folk_v4"]
    assert not Exposure.objects.exists()


def test_an_experiment_ranks_for_each_by_their_arm_and_logs_that_they_saw_it() -> None:
    compare("ces_folk_v4", "endless_push_v1")
    people = UserFactory.create_batch(30)

    chosen = [choosing.for_viewer(Viewer(person.pk), at=NOW).label for person in people]
    again = [choosing.for_viewer(Viewer(person.pk), at=NOW).label for person in people]

    assert set(chosen) == {"ces_folk_v4", "endless_push_v1"}
    assert chosen == again
    assert Exposure.objects.count() == 30
    assert choosing.for_viewer(Viewer(), at=NOW).label == "ces_folk_v4"
    device = uuid4()
    shown = choosing.for_viewer(Viewer(visitor_id=device), at=NOW)
    assert shown.label in chosen
    assert Exposure.objects.get(visitor_id=device).arm.key == shown.label
    assert [policy.label for policy in choosing.active()] == ["ces_folk_v4", "endless_push_v1"]


def test_an_arm_that_names_no_policy_or_one_that_has_no_model_is_the_default() -> None:
    compare("learned_v1", "no_such_policy")

    labels = {choosing.for_viewer(Viewer(p.pk), at=NOW).label for p in UserFactory.create_batch(9)}

    assert labels == {"ces_folk_v4"}


def test_a_feed_by_an_arm_says_so_and_pages_on(author: User, reader_api: ApiClient) -> None:
    compare("ces_folk_v1", "ces_folk_v1x")
    for n in range(3):
        NoteFactory.create(author=author, published_at=NOW - timedelta(hours=n))

    first = reader_api.get("/feed?page_size=2").json()

    assert first["policy"] in {"ces_folk_v1", "ces_folk_v4"}
    assert len(reader_api.get(first["next"].partition("/api/v1")[2]).json()["results"]) == 1
    assert FeedSnapshot.objects.get().policy == first["policy"]


def test_without_any_default_there_is_a_plain_one() -> None:
    RankingPolicy.objects.update(is_default=False)
    NoteFactory.create(published_at=NOW - timedelta(hours=1))

    assert feed.explore(viewer=Viewer(), at=NOW).policy == "plain_v1"


def test_a_process_goes_by_what_it_read_for_a_few_seconds(settings: Any) -> None:
    settings.FEED_CACHE_SECONDS = 60.0
    choosing.forget()
    assert choosing.in_use().default.label == "ces_folk_v4"
    make_default("ces_folk_v1")
    assert choosing.in_use().default.label == "ces_folk_v4"
    choosing.forget()
    assert choosing.in_use().default.label == "ces_folk_v1"


@pytest.mark.parametrize("label", ["nothing_v1", "ces_folk_v99", "ces_folk", "_v", "ces_folk_vX"])
def test_there_is_no_policy_of_another_name(label: str) -> None:
    with pytest.raises(NotFound):
        choosing.named(label)


def test_a_policy_never_changes_and_is_never_deleted() -> None:
    row = RankingPolicyFactory.create(numbers={"like": 2.0})

    changes: list[dict[str, Any]] = [
        {"numbers": {}},
        {"words": "others"},
        {"version": 9},
        {"depth": 3},
    ]
    for change in changes:
        with pytest.raises(Error, match="Cannot update"), transaction.atomic():
            RankingPolicy.objects.filter(pk=row.pk).update(**change)
    with pytest.raises(Error, match="Cannot delete"), transaction.atomic():
        row.delete()


def test_a_new_version_keeps_the_numbers_that_differ() -> None:
    numbers = {**FeedPolicy.numbers(), "like": 5.0, "fresh": 100}

    made = policies.create(name="ces_folk", words="Bolder.", numbers=numbers, depth=90, at=NOW)

    assert (made.label, made.numbers, made.depth) == (
        "ces_folk_v5", {"like": 5.0, "fresh": 100}, 90
    )  # fmt: skip
    assert choosing.in_use().default.label == "ces_folk_v4"
    policies.make_default(policy_id=made.pk)
    assert choosing.in_use().default.label == "ces_folk_v5"
    assert RankingPolicy.objects.filter(is_default=True).count() == 1
    with pytest.raises(NotFound):
        policies.make_default(policy_id=0)


@pytest.mark.parametrize(
    ("numbers", "pointer"),
    [
        ({"lik": 1.0}, "/lik"),
        ({"like": -1.0}, "/like"),
        ({"exploration": 1.5}, "/exploration"),
        ({"author_cap": 0}, "/author_cap"),
        ({"fresh": 10.5}, "/fresh"),
        ({"fresh": 1_000_000}, "/fresh"),
        ({"engagement": 0.0, "freshness": 0.0}, "/engagement"),
        ({"spectrum": 0.5, "marginal": 0.5}, "/marginal"),
    ],
)
def test_numbers_that_no_feed_can_be_ranked_by_are_refused(
    numbers: dict[str, float], pointer: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        policies.create(name="trial", words="A trial.", numbers=numbers, depth=10, at=NOW)

    assert refusal.value.extra["errors"][0]["pointer"] == pointer
    assert not RankingPolicy.objects.filter(name="trial").exists()


# -- in the admin ------------------------------------------------------------------------------


@pytest.fixture
def boss(admin_client: Client) -> Client:
    return admin_client


def test_a_version_is_made_from_another_by_hand(boss: Client) -> None:
    last = RankingPolicy.objects.get(name="ces_folk", version=4)
    address = reverse("admin:notes_rankingpolicy_add")

    form = boss.get(f"{address}?like={last.pk}").context["adminform"].form
    filled = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    assert (filled["name"], filled["exploration"], filled["like"]) == ("ces_folk", 0.1, 1.0)
    wrong = boss.post(address, {**filled, "exploration": 7})
    assert "It must be between 0 and 1." in wrong.content.decode()
    assert boss.post(address, {**filled, "like": 3}).status_code == 302

    made = RankingPolicy.objects.get(name="ces_folk", version=5)
    assert made.numbers == {**last.numbers, "like": 3.0}
    page = boss.get(reverse("admin:notes_rankingpolicy_change", args=[made.pk])).content.decode()
    assert "<strong>like 3</strong>" in page
    boss.post(reverse("admin:notes_rankingpolicy_make_default", args=[made.pk]), {"_": "1"})


def test_a_feed_is_ranked_for_a_person_by_two_policies_and_nothing_is_kept(
    boss: Client, author: User, reader: User
) -> None:
    notes = [
        NoteFactory.create(author=author, title=f"title {n}", published_at=NOW - timedelta(days=n))
        for n in range(3)
    ]
    told = {"person": "@reader", "left": "ces_folk_v4", "right": "endless_push_v1"}

    page = boss.get(reverse("admin:notes_feed_as"), told)

    columns = page.context["columns"]
    assert [column.policy.label for column in columns] == ["ces_folk_v4", "endless_push_v1"]
    assert all({row.card.id for row in column.rows} == {n.pk for n in notes} for column in columns)
    row = columns[0].rows[0]
    total = sum(part.added for part in row.parts)
    for _, value in row.factors:
        total *= value
    assert row.score == pytest.approx(total, abs=1e-4)
    assert "It is among the newest" in page.content.decode()
    assert not FeedSnapshot.objects.exists()
    assert not Exposure.objects.exists()


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"person": "nobody"}, "Nobody has this handle."),
        ({"left": "learned_v1"}, "It needs a learned model, and none is used."),
        ({"right": "nothing_v1"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_ranked_is_said(
    boss: Client, reader: User, told: dict[str, str], complaint: str
) -> None:
    usual = {"person": "reader", "left": "ces_folk_v4", "right": "ces_folk_v1"}

    page = boss.get(reverse("admin:notes_feed_as"), {**usual, **told})

    assert page.status_code == 200
    assert complaint in page.content.decode()


def test_pages_about_people_need_their_permission(client: Client, reader: User) -> None:
    reader.is_staff = True
    reader.save()
    client.force_login(reader)

    for name in ("notes_feed_as", "notes_exposure_report"):
        assert client.get(reverse(f"admin:{name}")).status_code == 403


def test_the_report_of_who_is_seen_is_shown(boss: Client) -> None:
    for days in ("7", "x", "999"):
        page = boss.get(reverse("admin:notes_exposure_report"), {"days": days})
        assert "To creators under 1,000 followers" in page.content.decode()
