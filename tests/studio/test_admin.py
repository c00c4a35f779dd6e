"""The studio in the admin: who gets in, whose briefs they see, and what buttons do."""

import csv
import io
import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from redshop.accounts.models import User
from redshop.catalog.factories import BrandMemberFactory, ProductFactory
from redshop.studio.factories import (
    AllocationFactory,
    BriefFactory,
    DraftFactory,
    InsightReportFactory,
    ManifestFactory,
    PublishedDraftFactory,
)
from redshop.studio.insight.judging import Finding
from redshop.studio.models import Brief, Draft, InsightReport, Trial, WritingJob
from redshop.studio.services import drafting
from redshop.studio.states import DraftState

pytestmark = pytest.mark.django_db

PAGES = ["brief", "draft", "trial", "insightreport", "writingjob", "manifest"]


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def brief() -> Brief:
    made: Brief = BriefFactory.create()
    return made


@pytest.fixture
def member(brief: Brief) -> Client:
    """A member of the brand who is staff, without any permission of Django's."""
    get_user_model().objects.filter(pk=brief.author_id).update(is_staff=True)
    return logged_in(User.objects.get(pk=brief.author_id))


@pytest.fixture
def root() -> Client:
    user = get_user_model().objects.create_superuser("root", "root@example.com", "a long password")
    return logged_in(user)


def test_staff_without_a_brand_has_no_studio(brief: Brief) -> None:
    operator = get_user_model().objects.create_user("op", "op@example.com", is_staff=True)
    client = logged_in(operator)
    for name in PAGES:
        assert client.get(f"/admin/studio/{name}/").status_code == 403
    assert client.get(reverse("admin:studio_lineage", args=[brief.pk])).status_code == 403
    assert b"/admin/studio/brief/" not in client.get("/admin/").content


def test_a_member_sees_their_brands_briefs_and_no_others(brief: Brief, member: Client) -> None:
    mine = DraftFactory.create(brief=brief, job__brief=brief)
    others = DraftFactory.create()
    assert b"/admin/studio/brief/" in member.get("/admin/").content
    for name in PAGES:
        assert member.get(f"/admin/studio/{name}/").status_code == 200
    for kind, own, foreign in (("brief", brief, others.brief), ("draft", mine, others)):
        assert member.get(f"/admin/studio/{kind}/{own.pk}/change/").status_code == 200
        assert member.get(f"/admin/studio/{kind}/{foreign.pk}/change/").status_code == 302
    assert member.get(reverse("admin:studio_lineage", args=[others.brief_id])).status_code == 404

    for button in ("approve", "reject"):
        answer = member.post(f"/admin/studio/draft/{others.pk}/{button}/", {})
        assert answer.status_code in {302, 403, 404}
    others.refresh_from_db()
    assert others.state == DraftState.WRITTEN


def test_a_brief_is_opened_and_its_brand_follows_from_the_product(
    brief: Brief, member: Client
) -> None:
    product = ProductFactory.create(brand=brief.brand)
    asked: dict[str, Any] = {
        "product": product.pk,
        "author": brief.author_id,
        "language": "it",
        "audience": "chi comincia",
        "segments": ["newcomers", "thrifty"],
        "tone": "warm",
        "claims": "Fatto in Italia\n\n 100% lino ",
        "variants": 2,
    }
    answer = member.post("/admin/studio/brief/add/", asked)
    assert answer.status_code == 302
    made = Brief.objects.order_by("-pk")[0]
    assert (made.brand_id, made.opened_by_id, made.segments) == (
        brief.brand_id,
        brief.author_id,
        ["newcomers", "thrifty"],
    )
    assert made.claims == ["Fatto in Italia", "100% lino"]

    elsewhere = ProductFactory.create()
    wrongs: list[dict[str, Any]] = [
        {"product": elsewhere.pk},
        {"author": BrandMemberFactory.create().user_id},
        {"variants": 40},
        {"segments": []},
        {"claims": "x" * 201},
    ]
    for wrong in wrongs:
        refused = member.post("/admin/studio/brief/add/", asked | wrong)
        assert refused.status_code == 200, wrong
    assert Brief.objects.count() == 2


def press(client: Client, address: str, **form: Any) -> Any:
    return client.post(address, {"_form_submitted": "true", **form}, headers={"HX-Request": "1"})


def test_from_the_brief_to_the_note_by_buttons(brief: Brief, member: Client) -> None:
    press(member, f"/admin/studio/brief/{brief.pk}/write/", writer="grammar")
    assert WritingJob.objects.get().asked_by_id == brief.author_id
    drafting.write_next(at=timezone.now())
    for draft in Draft.objects.order_by("pk")[:2]:
        address = f"/admin/studio/draft/{draft.pk}"
        edited = {"title": f"{draft.title} now", "body": draft.body}
        rows = {"revisions-TOTAL_FORMS": 0, "revisions-INITIAL_FORMS": 0}
        assert member.post(f"{address}/change/", edited | rows).status_code == 302
        member.get(f"{address}/approve/")
        press(member, f"{address}/publish/")
        draft.refresh_from_db()
        assert (draft.state, draft.title) == ("published", edited["title"])
        assert draft.revisions.get(number=1).editor_id == brief.author_id
    press(member, f"/admin/studio/brief/{brief.pk}/try/", reward="save", epoch_hours=12)
    trial = Trial.objects.get()
    assert (trial.reward, trial.epoch_hours, trial.epoch) == ("save", 12, 1)
    page = member.get(f"/admin/studio/trial/{trial.pk}/change/").content.decode()
    assert "by Beta(1, 1)" in page
    press(member, f"/admin/studio/trial/{trial.pk}/stop/")
    trial.refresh_from_db()
    assert trial.stopped_at is not None


def test_a_refusal_is_told_and_changes_nothing(brief: Brief, member: Client) -> None:
    draft = DraftFactory.create(brief=brief, job__brief=brief, body="I have used it for 3 weeks.")
    page = member.get(f"/admin/studio/draft/{draft.pk}/approve/", follow=True).content.decode()

    assert "A brand tells of an experience that nobody had." in page
    draft.refresh_from_db()
    assert draft.state == DraftState.WRITTEN


def test_the_lineage_is_a_page_and_two_exports(brief: Brief, member: Client) -> None:
    PublishedDraftFactory.create(brief=brief, job__brief=brief, title="=cmd|'/c calc'!A0")
    address = reverse("admin:studio_lineage", args=[brief.pk])
    assert "approved by" in member.get(address).content.decode()

    exported = json.loads(member.get(f"{address}?as=json").content)
    assert (exported["brief_id"], len(exported["strands"])) == (brief.pk, 1)
    table = list(csv.DictReader(io.StringIO(member.get(f"{address}?as=csv").content.decode())))
    assert table[0]["title"].startswith("'=cmd")  # no spreadsheet runs it


def test_every_page_shows_rows(root: Client) -> None:
    allocation = AllocationFactory.create()
    manifest = ManifestFactory.create(document={"assertions": [], "title": "A note"})
    assert (
        "Beta(1, 1)"
        in root.get(f"/admin/studio/trial/{allocation.trial_id}/change/").content.decode()
    )
    page = root.get(f"/admin/studio/manifest/{manifest.pk}/change/").content.decode()
    assert "The seal is broken" in page
    for name in PAGES:
        assert root.get(f"/admin/studio/{name}/").status_code == 200


def test_insight_is_shown_with_what_is_not_known(root: Client) -> None:
    report: InsightReport = InsightReportFactory.create(
        notes={"organic": 80},
        document={
            "scope": {"population": "real", "days": 7, "model": "last_touch", "currency": "CNY"},
            "notes": {"organic": 80},
            "findings": [finding(), finding(level="number", ratio=None, is_effect=False)],
        },
    )
    page = root.get(f"/admin/studio/insightreport/{report.pk}/change/").content.decode()
    assert "hook: question" in page
    assert "1.40" in page
    assert "Not enough data: hook number" in page

    exported = root.get(reverse("admin:studio_insight_export", args=[report.pk]))
    assert json.loads(exported.content)["notes"] == {"organic": 80}
    root.get("/admin/studio/insightreport/compute/")
    assert InsightReport.objects.count() == 2


def finding(**rest: Any) -> dict[str, Any]:
    told = dict.fromkeys(Finding.__dataclass_fields__, "") | {
        "stratum": "organic",
        "outcome": "opens",
        "attribute": "hook",
        "level": "question",
        "against": "statement",
        "notes": 40,
        "authors": 30,
        "ratio": {"value": 1.4, "low": 1.2, "high": 1.6, "p": 0.001},
        "q": 0.02,
        "is_effect": True,
    }
    return told | rest
