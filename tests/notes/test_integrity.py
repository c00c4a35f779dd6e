"""What may be shown, who decides, with which reasons, and who looks again."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from notes.factories import BlockedPictureFactory, LikeFactory, NoteFactory
from notes.integrity import cases, decisions
from notes.integrity.types import Action
from notes.models import (
    Appeal,
    AuditEntry,
    BlockedPicture,
    Case,
    Decision,
    Note,
    NoteCounts,
    Report,
)
from notes.services import authoring, counts
from notes.states import NoteState
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import Notification, User
from redshop.catalog.factories import ProductFactory
from redshop.catalog.models import Media
from redshop.catalog.services import media
from redshop.core.errors import DomainError
from tests.api import ApiClient
from tests.conftest import token_of
from tests.notes.moderation import decide, publish, reinstate, take_down
from tests.notes.test_rules import picture

pytestmark = pytest.mark.django_db

LONG = "I wore this sunscreen for two weeks on the boat and my nose did not peel once, in July."


@pytest.fixture(autouse=True)
def _folder(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def device() -> ApiClient:
    return ApiClient(token=token_of(UserFactory.create()))


def draft(api: ApiClient, **told: Any) -> int:
    made = api.post("/notes", {"type": "text", "title": "A thought", **told})
    assert made.status_code == 201, made.content
    return int(made.json()["id"])


def shot(owner: User, *, seed: int) -> int:
    out = io.BytesIO()
    picture(seed).save(out, "JPEG")
    upload = SimpleUploadedFile("a.jpg", out.getvalue(), content_type="image/jpeg")
    return media.store(owner_id=owner.pk, upload=upload, at=timezone.now()).pk


def test_what_breaks_a_rule_is_refused_with_the_rule_and_how_to_mend_it() -> None:
    api = device()
    note_id = draft(api, body="follow for follow!")

    refused = publish(api, note_id)
    told = api.get(f"/notes/{note_id}/check").json()

    assert (refused.status_code, refused.json()["code"]) == (422, "content_refused")
    rule = refused.json()["rule"]
    assert (rule["rule"], rule["version"]) == ("bought_engagement", 1)
    assert rule["because"] == "body: follow for follow"
    assert rule["remedy"]
    assert told["findings"] == [rule]
    assert Note.objects.get(pk=note_id).state == NoteState.DRAFT
    entry = AuditEntry.objects.get(action="publish_refused")
    assert entry.details["rule"] == "bought_engagement"

    api.patch(f"/notes/{note_id}", {"body": "A quiet day."})
    assert publish(api, note_id).json()["state"] == "published"


def test_claims_are_forbidden_to_advertisements_alone() -> None:
    api = device()
    product = ProductFactory.create()
    claim = {"title": "The best serum in the world", "product_ids": [product.pk]}

    plain = draft(api, **claim)
    paid = draft(api, **claim, earns_commission=True, disclosure="ad")

    assert publish(api, plain).status_code == 200
    assert publish(api, paid).json()["rule"]["rule"] == "absolute_claims"


def test_what_is_published_cannot_be_changed_into_what_is_refused() -> None:
    api = device()
    note_id = draft(api)
    publish(api, note_id)

    refused = api.patch(f"/notes/{note_id}", {"body": "see bit.ly/abc"})

    assert (refused.status_code, refused.json()["rule"]["rule"]) == (422, "hidden_links")
    assert Note.objects.get(pk=note_id).body == ""


def test_a_note_that_needs_a_person_waits_and_is_let_out(moderator: User) -> None:
    api = device()
    note_id = draft(api, body="想要的加微信 lily_123456")

    waiting = publish(api, note_id).json()
    assert (waiting["state"], ApiClient().get(f"/notes/{note_id}").status_code) == (
        "in_review",
        404,
    )
    assert publish(api, note_id).json()["state"] == "in_review"
    case = Case.objects.get(note=note_id)
    assert [found["rule"] for found in case.findings] == ["contact_elsewhere"]

    decide(note_id, Action.PUBLISH, by_id=moderator.pk)

    assert ApiClient().get(f"/notes/{note_id}").status_code == 200
    assert Case.objects.get(pk=case.pk).closed_at is not None


def test_whoever_publishes_by_hand_is_the_person_who_looked() -> None:
    api = device()
    note_id = draft(api, body="加微信 lily_123456")
    publish(api, note_id)

    authoring.publish_by_hand(note_id=note_id, at=timezone.now())

    assert Note.objects.get(pk=note_id).state == NoteState.PUBLISHED
    assert not Case.objects.waiting().exists()


def test_copies_of_what_others_published_are_looked_at() -> None:
    author, copier = device(), device()
    publish(author, draft(author, title="Sun", body=LONG))

    again = draft(author, title="Sun", body=LONG)
    copied = draft(copier, title="Sun", body=LONG + "!!")
    other = draft(copier, title="Rain", body="Two weeks of rain on the boat, and nothing to do.")

    assert publish(author, again).json()["state"] == "published"  # one's own words
    assert publish(copier, copied).json()["state"] == "in_review"
    assert publish(copier, other).json()["state"] == "published"


def test_copied_pictures_are_looked_at_and_blocked_ones_refused() -> None:
    first, second = UserFactory.create(), UserFactory.create()
    one, two = ApiClient(token=token_of(first)), ApiClient(token=token_of(second))
    publish(one, draft(one, type="image", media_ids=[shot(first, seed=1)]))

    copied = draft(two, type="image", media_ids=[shot(second, seed=1)])
    own = shot(second, seed=2)
    fresh = draft(two, type="image", media_ids=[own])

    assert publish(two, copied).json()["state"] == "in_review"
    BlockedPictureFactory.create(fingerprint=Media.objects.get(pk=own).fingerprint)
    assert publish(two, fresh).json()["rule"]["rule"] == "blocked_picture"


def test_a_moderator_blocks_a_picture_by_showing_it(admin_client: Client) -> None:
    owner = UserFactory.create()
    api = ApiClient(token=token_of(owner))
    note_id = draft(api, type="image", media_ids=[shot(owner, seed=3)])
    out = io.BytesIO()
    picture(3).resize((300, 225)).save(out, "PNG")

    def block(content: bytes) -> str:
        file = SimpleUploadedFile("a.png", content, content_type="image/png")
        told = {"why": "Stolen.", "picture": file}
        page = admin_client.post("/admin/notes/blockedpicture/add/", told, follow=True)
        return str(page.content.decode())

    block(b"no picture")
    assert not BlockedPicture.objects.exists()
    block(out.getvalue())

    assert BlockedPicture.objects.get().why == "Stolen."
    assert "It is blocked already." in block(out.getvalue())
    assert publish(api, note_id).json()["rule"]["rule"] == "blocked_picture"


def test_too_many_in_a_day_are_looked_at() -> None:
    author = UserFactory.create()
    NoteFactory.create_batch(30, author=author, published_at=timezone.now() - timedelta(hours=1))
    api = ApiClient(token=token_of(author))

    assert publish(api, draft(api)).json()["state"] == "in_review"


def test_reports_open_one_case_that_is_due_by_the_gravest_reason() -> None:
    note = NoteFactory.create()
    one, two = device(), device()

    first = one.post(f"/notes/{note.pk}/reports", {"reason": "spam"})
    case = Case.objects.get()
    assert case.due_at - case.opened_at == timedelta(hours=24)
    two.post(f"/notes/{note.pk}/reports", {"reason": "minor_safety", "detail": "A child."})
    again = one.post(f"/notes/{note.pk}/reports", {"reason": "other"})

    assert first.status_code == 201
    assert (again.status_code, again.json()["code"]) == (409, "already_reported")
    case.refresh_from_db()
    assert case.due_at - case.opened_at < timedelta(hours=2)
    assert Report.objects.filter(case=case).count() == 2
    assert one.post("/notes/999999/reports", {"reason": "spam"}).status_code == 404
    assert one.post(f"/notes/{note.pk}/reports", {"reason": "boring"}).status_code == 400


def test_a_decision_is_told_with_its_reasons_and_appealed_to_another(moderator: User) -> None:
    author = UserFactory.create()
    note = NoteFactory.create(author=author)
    api = ApiClient(token=token_of(author))
    take_down(note.pk, by_id=moderator.pk, rule="healing_claims")

    told = api.get("/me/decisions").json()["results"][0]
    assert (told["action"], told["grounds"], told["automated"]) == (
        "take_down",
        "For the test.",
        False,
    )
    assert told["rule"]["key"] == "healing_claims"
    assert Notification.objects.get(recipient=author).subject["decision_id"] == told["id"]

    appealed = api.post(f"/decisions/{told['id']}/appeal", {"reason": "My doctor said so."})
    assert appealed.status_code == 201
    assert appealed.json()["appeal"]["outcome"] is None
    twice = api.post(f"/decisions/{told['id']}/appeal", {"reason": "Please."})
    assert (twice.status_code, twice.json()["code"]) == (409, "already_appealed")
    with pytest.raises(DomainError, match="Nobody decides"):
        reinstate(note.pk, by_id=moderator.pk)
    assert Note.objects.get(pk=note.pk).state == NoteState.TAKEN_DOWN

    reinstate(note.pk, by_id=UserFactory.create(is_moderator=True).pk)

    assert api.get("/me/decisions").json()["results"][1]["appeal"]["outcome"] == "reinstate"
    assert Note.objects.get(pk=note.pk).state == NoteState.PUBLISHED


def test_only_the_last_decision_that_took_something_is_appealable(moderator: User) -> None:
    author, stranger = UserFactory.create(), device()
    note = NoteFactory.create(author=author)
    api = ApiClient(token=token_of(author))
    down = take_down(note.pk, by_id=moderator.pk)
    up = reinstate(note.pk, by_id=moderator.pk)

    codes = [
        (client.post(f"/decisions/{each.pk}/appeal", {"reason": "No."}).json()["code"])
        for client, each in ((api, down), (api, up), (stranger, down))
    ]

    assert codes == ["not_appealable", "not_appealable", "not_found"]
    late = take_down(note.pk, by_id=moderator.pk)
    with pytest.raises(DomainError, match="half a year"):
        decisions.appeal(
            decision_id=late.pk, author_id=author.pk, reason="No.",
            at=timezone.now() + timedelta(days=184),
        )  # fmt: skip


def test_reinstated_a_note_has_its_counters_and_place_again(moderator: User) -> None:
    note = NoteFactory.create()
    LikeFactory.create_batch(3, note=note)
    with transaction.atomic():
        counts.count([note.pk])
    before = (Note.objects.get(pk=note.pk).published_at, NoteCounts.objects.get(pk=note.pk).likes)
    take_down(note.pk, by_id=moderator.pk)
    NoteCounts.objects.filter(pk=note.pk).update(likes=0)

    reinstate(note.pk, by_id=moderator.pk)

    after = (Note.objects.get(pk=note.pk).published_at, NoteCounts.objects.get(pk=note.pk).likes)
    assert after == before == (before[0], 3)


def test_a_case_that_somebody_took_is_theirs_for_a_while(moderator: User) -> None:
    note = NoteFactory.create()
    device().post(f"/notes/{note.pk}/reports", {"reason": "spam"})
    case, other = Case.objects.get(), UserFactory.create(is_moderator=True)
    cases.take(case_id=case.pk, moderator_id=moderator.pk, at=timezone.now())

    with pytest.raises(DomainError, match="Somebody else"):
        take_down(note.pk, by_id=other.pk)
    with pytest.raises(DomainError, match="Somebody else"):
        cases.take(case_id=case.pk, moderator_id=other.pk, at=timezone.now())
    cases.take(case_id=case.pk, moderator_id=other.pk, at=timezone.now() + timedelta(minutes=16))

    assert Case.objects.get().taken_by == other


def test_nobody_decides_about_their_own_note() -> None:
    author = UserFactory.create(is_moderator=True)
    note = NoteFactory.create(author=author)

    with pytest.raises(DomainError, match="Nobody decides"):
        take_down(note.pk, by_id=author.pk)
    with pytest.raises(DatabaseError), transaction.atomic():
        Decision.objects.create(
            note=note, author=author, action=Action.KEEP, grounds="Mine.", decided_by=author,
            decided_at=timezone.now(),
        )  # fmt: skip

    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("action", [Action.PUBLISH, Action.REFUSE, Action.REINSTATE])
def test_a_decision_that_the_state_does_not_allow_changes_nothing(action: Action) -> None:
    note = NoteFactory.create()

    with pytest.raises(DomainError):
        decide(note.pk, action)

    assert not Decision.objects.exists()
    assert not AuditEntry.objects.exists()


def test_decisions_and_the_record_cannot_be_changed(moderator: User) -> None:
    take_down(NoteFactory.create().pk, by_id=moderator.pk)

    for rows in (Decision.objects.all(), AuditEntry.objects.all()):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.update(action="nothing")


def test_the_transparency_report_counts_what_was_done(
    moderator: User, capsys: pytest.CaptureFixture[str]
) -> None:
    api = device()
    publish(api, draft(api, body="互赞"))
    reported = NoteFactory.create()
    device().post(f"/notes/{reported.pk}/reports", {"reason": "copied"})
    down = take_down(reported.pk, by_id=moderator.pk, rule="copied_text")
    decisions.appeal(
        decision_id=down.pk, author_id=reported.author_id, reason="Mine.", at=timezone.now()
    )
    reinstate(reported.pk)

    call_command("transparency", "--json")

    told = json.loads(capsys.readouterr().out)
    assert told["reports"] == {"copied": 1}
    assert told["decisions"] == {"reinstate": 1, "take_down": 1}
    assert told["taken_down_by_rule"] == {"copied_text": 1}
    assert told["refused_by_rules_alone"] == {"bought_engagement": 1}
    assert (told["cases_opened"], told["cases_decided_in_time"]) == (2, 2)
    assert (told["appeals"], told["appeals_decided"], told["appeals_upheld"]) == (1, 1, 1)


def test_everybody_may_read_the_transparency_page() -> None:
    device().post(f"/notes/{NoteFactory.create().pk}/reports", {"reason": "counterfeit"})

    page = Client().get("/transparency").content.decode()

    assert "Counterfeit" in page
    assert "absolute_claims" in page


def test_a_deleted_note_waits_for_nobody() -> None:
    api = device()
    note_id = draft(api, body="加微信 lily_123456")
    publish(api, note_id)

    api.delete(f"/notes/{note_id}")

    assert not Case.objects.waiting().exists()


def test_moderators_decide_in_the_admin_and_others_see_no_queue(moderator: User) -> None:
    note = NoteFactory.create()
    device().post(f"/notes/{note.pk}/reports", {"reason": "copied"})
    case = Case.objects.get()
    staff, client, other = UserFactory.create(is_staff=True), Client(), Client()
    client.force_login(moderator)
    other.force_login(staff)

    assert client.get("/admin/notes/case/").status_code == 200
    assert other.get("/admin/notes/case/").status_code == 403
    page = client.get(f"/admin/notes/case/{case.pk}/change/").content
    assert b"Take down" in page
    assert b"Reinstate" not in page  # nothing was taken down
    client.get(f"/admin/notes/case/{case.pk}/take/")
    assert Case.objects.get().taken_by == moderator
    answers = {"_form_submitted": "True", "grounds": "A copy.", "rule": "copied_text"}
    client.post(f"/admin/notes/case/{case.pk}/take-down/", answers)

    assert Decision.objects.get().grounds == "A copy."
    assert Note.objects.get(pk=note.pk).state == NoteState.TAKEN_DOWN
    assert not Appeal.objects.exists()
