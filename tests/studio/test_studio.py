"""The brand's garden, from a brief to a published note: who may do what, and what must not be."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from notes.factories import NoteFactory
from notes.integrity import checking
from notes.integrity.types import Action
from notes.models import Note
from notes.services import authoring
from redshop.catalog.factories import BrandMemberFactory, ProductFactory, SkuFactory
from redshop.core import outbox, sealing
from redshop.core.errors import InvalidInput
from redshop.studio import compliance
from redshop.studio.errors import (
    DraftNotCompliant,
    DraftStateForbids,
    NotOfTheBrand,
    WriterUnknown,
)
from redshop.studio.factories import DraftFactory, RevisionFactory
from redshop.studio.models import Brief, Draft, Manifest, WritingJob
from redshop.studio.selectors import provenance
from redshop.studio.services import briefs, drafting, reviewing
from redshop.studio.states import ALLOWED, DraftState, Writing
from redshop.studio.types import Language, Segment, Tone
from tests.notes.moderation import decide

pytestmark = pytest.mark.django_db


@pytest.fixture
def brief() -> Brief:
    member = BrandMemberFactory.create()
    product = ProductFactory.create(brand=member.brand)
    SkuFactory.create(product=product)
    return briefs.open_brief(
        product_id=product.pk,
        author_id=member.user_id,
        opened_by_id=member.user_id,
        at=timezone.now(),
        language="en",
        segments=["newcomers", "thrifty"],
        claims=["Woven from 100% linen"],
    )


def drafts_of(brief: Brief) -> list[Draft]:
    """Have the offline writer write for a brief."""
    job = briefs.ask(
        brief_id=brief.pk, writer="grammar", asked_by_id=brief.author_id, at=timezone.now()
    )
    done = drafting.write_next(at=timezone.now())
    assert done is not None
    assert (done.pk, done.state) == (job.pk, Writing.DONE)
    return list(Draft.objects.filter(job=job).order_by("pk"))


def test_the_offline_writer_writes_variants_for_each_segment(brief: Brief) -> None:
    drafts = drafts_of(brief)

    assert [draft.segment for draft in drafts] == ["newcomers"] * 3 + ["thrifty"] * 3
    assert len({draft.title for draft in drafts}) > 1
    assert [draft.objections for draft in drafts] == [[]] * 6
    assert {draft.attributes["hook"] for draft in drafts} >= {"statement", "question"}
    job = WritingJob.objects.get()
    assert (job.writer, job.model, len(job.prompt_hash)) == ("grammar", "grammar-1", 64)
    assert not Note.objects.exists()  # nothing publishes itself


@pytest.mark.parametrize("language", Language.values)
def test_whatever_the_grammar_writes_is_compliant_and_as_it_was_planned(language: str) -> None:
    from redshop.studio.attributes import tag_words
    from redshop.studio.types import Assignment
    from redshop.studio.writers import grammar

    for seed in range(40):
        asked = Assignment(
            language=language,
            brand="Qinghe",
            product="Linen shirt" if language != "zh" else "亚麻衬衫",
            description="",
            category="Shirts" if language != "zh" else "衬衫",
            price="¥199.00" if seed % 2 else "",
            audience="",
            tone=Tone.values[seed % 3],
            claims=("Woven from 100% linen",) * (seed % 3),
            segments=tuple(Segment.values),
            variants=6,
        )
        written = grammar.GrammarWriter().write(asked, prompt="", seed=seed)
        plans = grammar.plans(asked) * len(Segment.values)
        for variant, plan in zip(written.variants, plans, strict=True):
            found = compliance.check(title=variant.title, body=variant.body, allowed=asked.claims)
            assert found == [], (variant, found)
            tagged = tag_words(title=variant.title, body=variant.body)
            assert {name: tagged[name] for name in ("hook", "price", "form")} == {
                name: plan[name] for name in ("hook", "price", "form")
            }, variant
            if plan["length"] != "short":
                assert tagged["length"] == plan["length"], variant


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("I used it for two weeks", "first_person_experience"),
        ("We have really loved this one", "first_person_experience"),
        ("It changed my skin", "first_person_experience"),
        ("我用了三周", "first_person_experience"),
        ("亲测有效果", "first_person_experience"),
        ("Ho provato la crema", "first_person_experience"),
        ("Lasts 24 hours", "unproven_figure"),
        ("保湿 12 小时", "unproven_figure"),
        ("30 % more", "unproven_figure"),
        ("SPF 50 for everybody", "unproven_figure"),
        ("Clinically proven", "unproven_claim"),
        ("皮肤科推荐", "unproven_claim"),
        ("See https://bit.ly/abc", "hidden_links"),
    ],
)
def test_what_a_brand_may_not_say_is_objected_to(text: str, rule: str) -> None:
    assert rule in {each.rule for each in compliance.check(title="A", body=text, allowed=[])}


@pytest.mark.parametrize(
    "text",
    [
        "It is woven in Suzhou.",
        "3 points for choosing",
        "Sizes are on the page",
        "产品说明在商品页",
    ],
)
def test_what_a_brand_may_say_is_not(text: str) -> None:
    assert compliance.check(title="A", body=text, allowed=[]) == []


def test_a_figure_that_the_brief_allows_may_be_repeated() -> None:
    assert compliance.check(title="A", body="Keeps 24 hours.", allowed=["keeps 24hours"]) == []
    assert compliance.check(title="A", body="Keeps 48 hours.", allowed=["keeps 24 hours"]) != []


def test_a_person_edits_approves_and_publishes(brief: Brief) -> None:
    draft, editor = drafts_of(brief)[0], BrandMemberFactory.create(brand=brief.brand).user
    now = timezone.now()
    with pytest.raises(DraftStateForbids):
        reviewing.publish(draft_id=draft.pk, at=now)
    reviewing.edit(
        draft_id=draft.pk,
        title="Linen, plainly",
        body="A shirt for warm days. It can be washed at home, and it creases, as linen does.",
        editor_id=editor.pk,
        at=now,
    )
    reviewing.approve(draft_id=draft.pk, by_id=editor.pk, at=now)
    note = reviewing.publish(draft_id=draft.pk, at=now)

    assert (note.state, note.origin, note.disclosure) == ("published", "brand", "ad")
    assert note.ai_use == "assisted"  # most of it is the editor's
    assert (note.title, note.author_id) == ("Linen, plainly", brief.author_id)
    assert list(note.product_tags.values_list("product", flat=True)) == [brief.product_id]
    draft.refresh_from_db()
    assert (draft.state, draft.note_id, draft.approved_by_id) == ("published", note.pk, editor.pk)
    assert [each.editor_id for each in draft.revisions.all()] == [None, editor.pk]
    again = reviewing.publish(draft_id=draft.pk, at=now)
    assert (again.pk, Note.objects.count()) == (note.pk, 1)
    with pytest.raises(DraftStateForbids):
        reviewing.edit(draft_id=draft.pk, title="B", body="B", editor_id=editor.pk, at=now)


def test_what_the_writer_wrote_is_labelled_as_generated(brief: Brief) -> None:
    draft = drafts_of(brief)[0]
    reviewing.approve(draft_id=draft.pk, by_id=brief.author_id, at=timezone.now())

    assert reviewing.publish(draft_id=draft.pk, at=timezone.now()).ai_use == "generated"


def test_an_edit_takes_an_approval_back_and_is_checked(brief: Brief) -> None:
    draft, now = drafts_of(brief)[0], timezone.now()
    reviewing.approve(draft_id=draft.pk, by_id=brief.author_id, at=now)
    reviewing.edit(
        draft_id=draft.pk,
        title="Dry for 48 hours",
        body="Yes.",
        editor_id=brief.author_id,
        at=now,
    )
    draft.refresh_from_db()
    assert (draft.state, draft.approved_by_id) == ("written", None)
    assert [each["rule"] for each in draft.objections] == ["unproven_figure"]

    with pytest.raises(DraftNotCompliant):
        reviewing.approve(draft_id=draft.pk, by_id=brief.author_id, at=now)
    with pytest.raises(InvalidInput):
        reviewing.edit(draft_id=draft.pk, title=" ", body="B", editor_id=brief.author_id, at=now)
    draft.refresh_from_db()
    assert (draft.state, draft.title) == ("written", "Dry for 48 hours")


def test_only_the_brands_people_write_in_its_name(brief: Brief) -> None:
    stranger = BrandMemberFactory.create().user
    with pytest.raises(NotOfTheBrand):
        briefs.open_brief(
            product_id=brief.product_id,
            author_id=stranger.pk,
            opened_by_id=stranger.pk,
            at=timezone.now(),
        )
    with pytest.raises(InvalidInput):
        briefs.open_brief(
            product_id=0, author_id=stranger.pk, opened_by_id=stranger.pk, at=timezone.now()
        )
    with pytest.raises(WriterUnknown):
        briefs.ask(brief_id=brief.pk, writer="openai", asked_by_id=stranger.pk, at=timezone.now())
    assert (Brief.objects.count(), WritingJob.objects.count()) == (1, 0)


def test_a_draft_of_somebody_who_left_the_brand_is_not_published(brief: Brief) -> None:
    draft = drafts_of(brief)[0]
    reviewing.approve(draft_id=draft.pk, by_id=brief.author_id, at=timezone.now())
    brief.brand.members.all().delete()

    with pytest.raises(NotOfTheBrand):
        reviewing.publish(draft_id=draft.pk, at=timezone.now())
    assert not Note.objects.exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (old, new)
        for old in DraftState
        for new in DraftState
        if old != new and new not in ALLOWED[old]
    ],
)
def test_the_database_knows_the_edges_of_drafts(old: DraftState, new: DraftState) -> None:
    from redshop.studio.factories import PublishedDraftFactory

    draft = PublishedDraftFactory.create(state=old.value)
    with pytest.raises(DatabaseError), transaction.atomic():
        Draft.objects.filter(pk=draft.pk).update(state=new.value)


def test_revisions_are_append_only() -> None:
    revision = RevisionFactory.create()
    with pytest.raises(DatabaseError), transaction.atomic():
        type(revision).objects.filter(pk=revision.pk).update(title="Other")
    with pytest.raises(DatabaseError), transaction.atomic():
        revision.delete()


def test_no_draft_is_approved_by_nobody_even_by_sql() -> None:
    draft = DraftFactory.create()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE studio_draft SET state = 'approved' WHERE id = %s", [draft.pk])


def test_the_manifest_names_brief_model_prompt_editor_and_approver(brief: Brief) -> None:
    draft, now = drafts_of(brief)[0], timezone.now()
    editor = BrandMemberFactory.create(brand=brief.brand).user
    reviewing.edit(
        draft_id=draft.pk, title="Linen shirt", body=draft.body, editor_id=editor.pk, at=now
    )
    reviewing.approve(draft_id=draft.pk, by_id=brief.author_id, at=now + timedelta(minutes=1))
    note = reviewing.publish(draft_id=draft.pk, at=now + timedelta(minutes=2))

    made = Manifest.objects.get(note=note)
    told: dict[str, Any] = {each["label"]: each["data"] for each in made.document["assertions"]}
    actions = told["c2pa.actions"]["actions"]
    assert [each["action"] for each in actions] == [
        "c2pa.created",
        "c2pa.edited",
        "redshop.approved",
        "c2pa.published",
    ]
    assert actions[0]["digitalSourceType"].endswith("algorithmicMedia")
    assert actions[1]["actors"] == [sealing.pseudonym(editor.pk)]
    assert actions[2]["actors"] == [sealing.pseudonym(brief.author_id)]
    assert told["redshop.brief"]["id"] == brief.pk
    assert told["redshop.prompt"]["prompt_sha256"] == draft.job.prompt_hash
    assert sealing.is_intact(made.document, made.seal)
    assert provenance.is_of(note, made.document)

    changed = json.loads(json.dumps(made.document))
    changed["assertions"][0]["data"]["actions"].pop(1)
    assert not sealing.is_intact(changed, made.seal)
    note.body = "Something else"
    assert not provenance.is_of(note, made.document)


def test_a_note_that_waits_in_review_is_the_drafts_once_a_moderator_lets_it_out(
    brief: Brief,
) -> None:
    draft, now = drafts_of(brief)[0], timezone.now()
    body = "A shirt for warm days: it can be washed at home, and it creases, as linen always does."
    reviewing.edit(
        draft_id=draft.pk, title="Linen, plainly", body=body, editor_id=brief.author_id, at=now
    )
    other = NoteFactory.create(title="Linen, plainly", body=body)
    with transaction.atomic():
        checking.remember(other)
    reviewing.approve(draft_id=draft.pk, by_id=brief.author_id, at=now)

    note = reviewing.publish(draft_id=draft.pk, at=now)
    draft.refresh_from_db()
    assert (note.state, draft.state, draft.note_id) == ("in_review", "approved", note.pk)
    with pytest.raises(DraftStateForbids):
        reviewing.edit(draft_id=draft.pk, title="B", body="B", editor_id=brief.author_id, at=now)

    decide(note.pk, Action.PUBLISH)
    outbox.drain_all(at=timezone.now())
    draft.refresh_from_db()
    assert draft.state == DraftState.PUBLISHED
    assert Manifest.objects.filter(note=note).exists()


@pytest.mark.parametrize("rival", ["edited", "edited and approved", "rejected"])
def test_what_comes_while_a_draft_is_published_comes_too_late(
    brief: Brief, monkeypatch: pytest.MonkeyPatch, rival: str
) -> None:
    draft, now = drafts_of(brief)[0], timezone.now()
    reviewing.approve(draft_id=draft.pk, by_id=brief.author_id, at=now)
    other = BrandMemberFactory.create(brand=brief.brand).user
    publish = authoring.publish

    def after_a_rival(**rest: Any) -> Note:
        if rival == "rejected":
            reviewing.reject(draft_id=draft.pk, at=now)
        else:
            words = {"title": "Other words", "body": "Other words, too."}
            reviewing.edit(draft_id=draft.pk, editor_id=other.pk, at=now, **words)
        if rival == "edited and approved":
            reviewing.approve(draft_id=draft.pk, by_id=other.pk, at=now)
        return publish(**rest)

    monkeypatch.setattr(authoring, "publish", after_a_rival)
    note = reviewing.publish(draft_id=draft.pk, at=now)

    assert (note.title, note.body) == (draft.title, draft.body)  # what had been approved
    draft.refresh_from_db()
    assert (draft.state, draft.title, draft.body) == ("published", note.title, note.body)
    assert provenance.is_of(note, Manifest.objects.get(note=note).document)
    assert draft.approved_by_id == brief.author_id
    with pytest.raises(DraftStateForbids):
        reviewing.edit(draft_id=draft.pk, title="B", body="B", editor_id=other.pk, at=now)


def test_a_button_that_is_pressed_twice_at_once_publishes_one_note(
    brief: Brief, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, now = drafts_of(brief)[0], timezone.now()
    reviewing.approve(draft_id=draft.pk, by_id=brief.author_id, at=now)
    create, rivals = authoring.create_draft, [draft.pk]

    def after_a_rival(**rest: Any) -> Note:
        if rivals:
            reviewing.publish(draft_id=rivals.pop(), at=now)
        return create(**rest)

    monkeypatch.setattr(authoring, "create_draft", after_a_rival)
    note = reviewing.publish(draft_id=draft.pk, at=now)

    assert Note.objects.published().get().pk == note.pk
    assert Note.objects.existing().count() == 1
    assert Manifest.objects.get().note_id == note.pk
