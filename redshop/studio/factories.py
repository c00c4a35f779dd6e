"""Briefs and what becomes of them, for tests and for developers."""

from datetime import timedelta
from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from notes.factories import NoteFactory
from redshop.catalog.factories import BrandMemberFactory, ProductFactory
from redshop.studio import attributes
from redshop.studio.models import (
    Allocation,
    Brief,
    Draft,
    InsightReport,
    Manifest,
    Revision,
    Trial,
    WritingJob,
)
from redshop.studio.states import DraftState, Writing
from redshop.studio.types import Segment


class BriefFactory(DjangoModelFactory[Brief]):
    """A brief for a product, in English, in the name of somebody who works for its brand."""

    class Meta:
        model = Brief

    product = factory.SubFactory(ProductFactory)
    brand = factory.SelfAttribute("product.brand")
    author = factory.LazyAttribute(lambda brief: BrandMemberFactory(brand=brief.brand).user)
    language = "en"
    segments = factory.LazyFunction(lambda: [Segment.EVERYBODY.value])
    opened_by = factory.SelfAttribute("author")
    opened_at = factory.LazyFunction(timezone.now)


class WritingJobFactory(DjangoModelFactory[WritingJob]):
    """A request that the offline writer has done."""

    class Meta:
        model = WritingJob

    brief = factory.SubFactory(BriefFactory)
    writer = "grammar"
    model = "grammar-1"
    state = Writing.DONE.value
    asked_by = factory.SelfAttribute("brief.author")
    asked_at = factory.LazyFunction(timezone.now)
    due_at = factory.SelfAttribute("asked_at")
    ended_at = factory.SelfAttribute("asked_at")


class DraftFactory(DjangoModelFactory[Draft]):
    """A draft as the writer left it."""

    class Meta:
        model = Draft
        skip_postgeneration_save = True

    job = factory.SubFactory(WritingJobFactory)
    brief = factory.SelfAttribute("job.brief")
    segment = Segment.EVERYBODY.value
    title = factory.Sequence(lambda n: f"Linen for the summer, variant {n}")
    body = "It is woven in small batches. Sizes and pictures are on the product page."
    attributes = factory.LazyAttribute(
        lambda draft: attributes.tag_words(title=draft.title, body=draft.body)
    )
    written_at = factory.LazyFunction(timezone.now)

    @factory.post_generation  # type: ignore[untyped-decorator]
    def first_revision(self: Draft, create: bool, _: object, **__: Any) -> None:  # noqa: FBT001 - factory_boy's own signature
        if create:
            Revision.objects.create(
                draft=self, number=0, title=self.title, body=self.body, at=self.written_at
            )


class PublishedDraftFactory(DraftFactory):
    """A draft that is a note now."""

    note = factory.SubFactory(NoteFactory)
    state = DraftState.PUBLISHED.value
    approved_by = factory.SelfAttribute("brief.author")
    approved_at = factory.SelfAttribute("written_at")
    published_at = factory.SelfAttribute("written_at")


class RevisionFactory(DjangoModelFactory[Revision]):
    """What an editor made of a draft."""

    class Meta:
        model = Revision

    draft = factory.SubFactory(DraftFactory)
    number = 1
    title = "Linen, as it is"
    body = "Woven in small batches."
    editor = factory.SelfAttribute("draft.brief.author")
    at = factory.LazyFunction(timezone.now)


class TrialFactory(DjangoModelFactory[Trial]):
    """A trial whose first epoch has not begun."""

    class Meta:
        model = Trial

    brief = factory.SubFactory(BriefFactory)
    started_by = factory.SelfAttribute("brief.author")
    started_at = factory.LazyFunction(timezone.now)
    epoch_began_at = factory.SelfAttribute("started_at")


class AllocationFactory(DjangoModelFactory[Allocation]):
    """A variant in the first epoch of a trial."""

    class Meta:
        model = Allocation

    draft = factory.SubFactory(PublishedDraftFactory)
    trial = factory.LazyAttribute(lambda row: TrialFactory(brief=row.draft.brief))
    epoch = 1
    propensity = 0.5
    alpha = 1.0
    beta = 1.0
    since = factory.LazyFunction(timezone.now)


class InsightReportFactory(DjangoModelFactory[InsightReport]):
    """An insight that found nothing."""

    class Meta:
        model = InsightReport

    population = "real"
    until = factory.LazyFunction(timezone.now)
    since = factory.LazyAttribute(lambda report: report.until - timedelta(days=90))
    version = 1
    document = factory.LazyFunction(lambda: {"findings": [], "scope": {}})
    computed_at = factory.LazyFunction(timezone.now)


class ManifestFactory(DjangoModelFactory[Manifest]):
    """A manifest that says nothing."""

    class Meta:
        model = Manifest

    note = factory.SubFactory(NoteFactory)
    document = factory.LazyFunction(lambda: {"assertions": []})
    seal = "none"
    made_at = factory.LazyFunction(timezone.now)
