"""Opening briefs, and asking writers for what they want."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from notes.models import Topic
from redshop.catalog.models import BrandMember, Product
from redshop.core.db import requires_transaction
from redshop.core.errors import InvalidInput
from redshop.studio.errors import NotOfTheBrand
from redshop.studio.models import Brief, WritingJob
from redshop.studio.models.briefs import MOST_VARIANTS
from redshop.studio.services import learning
from redshop.studio.types import Assignment, Language, Segment, Tone
from redshop.studio.writers import base, prompts


@transaction.atomic(durable=True)
def open_brief(
    *,
    product_id: int,
    author_id: int,
    opened_by_id: int,
    at: datetime,
    language: str = Language.ZH,
    audience: str = "",
    segments: Sequence[str] = (Segment.EVERYBODY.value,),
    tone: str = Tone.PLAIN,
    claims: Sequence[str] = (),
    variants: int = 3,
    topic_slugs: Sequence[str] = (),
) -> Brief:
    """Open a brief for a product, with what was learned so far.

    Raises:
        InvalidInput: the product is not there or not listed, or a number or name is none.
        NotOfTheBrand: the author does not work for the product's brand.
    """
    product = Product.objects.filter(pk=product_id, is_listed=True).first()
    if product is None:
        raise InvalidInput(
            pointer="/product_id", code="does_not_exist", message=f"No product {product_id}."
        )
    if not 1 <= variants <= MOST_VARIANTS:
        raise InvalidInput(
            pointer="/variants", code="invalid", message=f"From 1 to {MOST_VARIANTS} variants."
        )
    brief = Brief(
        brand_id=product.brand_id,
        product=product,
        author_id=author_id,
        language=language,
        audience=audience,
        segments=list(dict.fromkeys(segments)) or [Segment.EVERYBODY.value],
        tone=tone,
        claims=[claim for claim in claims if claim.strip()],
        variants=variants,
    )
    begin(brief, opened_by_id=opened_by_id, at=at)
    brief.topics.set(Topic.objects.filter(slug__in=topic_slugs))
    return brief


@requires_transaction
def begin(brief: Brief, *, opened_by_id: int, at: datetime) -> None:
    """Save a new brief with what its brand, and everybody, has learned by now.

    Raises:
        NotOfTheBrand: the author does not work for the brand.
    """
    check_member(brand_id=brief.brand_id, person_id=brief.author_id)
    brief.opened_by_id, brief.opened_at = opened_by_id, at
    brief.lessons = learning.lessons_for(
        brand_id=brief.brand_id, population=brief.author.population, at=at
    )
    brief.save(force_insert=True)


def check_member(*, brand_id: int, person_id: int) -> None:
    """Refuse somebody who does not work for a brand.

    Raises:
        NotOfTheBrand: that is so.
    """
    if not BrandMember.objects.filter(brand=brand_id, user=person_id).exists():
        raise NotOfTheBrand


@transaction.atomic
def ask(*, brief_id: int, writer: str, asked_by_id: int, at: datetime) -> WritingJob:
    """Have a writer propose variants for a brief; it does so in the background.

    Raises:
        WriterUnknown: there is no such writer, or it is not set up.
    """
    base.writer_of(writer)
    brief = Brief.objects.get(pk=brief_id)
    prompt = prompts.prompt_of(assignment_of(brief))
    return WritingJob.objects.create(
        brief=brief,
        writer=writer,
        prompt=prompt,
        prompt_hash=prompts.hash_of(prompt),
        asked_by_id=asked_by_id,
        asked_at=at,
        due_at=at,
    )


def assignment_of(brief: Brief) -> Assignment:
    """Return what a writer is told of a brief."""
    product = Product.objects.as_cards().get(pk=brief.product_id)
    return Assignment(
        language=brief.language,
        brand=product.brand.name,
        product=product.name,
        description=product.description[:1_000],
        category=product.category.name,
        price=str(product.price) if product.price else "",
        audience=brief.audience,
        tone=brief.tone,
        claims=tuple(brief.claims),
        segments=tuple(brief.segments),
        variants=brief.variants,
        lessons=brief.lessons,
    )


def allowed_of(brief: Brief) -> list[str]:
    """Return the texts whose figures a draft may repeat."""
    product = Product.objects.select_related("brand").get(pk=brief.product_id)
    return [*brief.claims, product.name, product.description, product.brand.name]
