"""Notes are drafted and published, by people and by brands."""

from datetime import datetime

from notes.models import Note
from notes.services import authoring
from redshop.core.populations import Population
from redshop.simulation.agenda import Deed
from redshop.simulation.assortment import LANGUAGES
from redshop.simulation.authors import NotePlan, plan_brand_note, plan_note
from redshop.simulation.behaviour.choice import TRUST
from redshop.simulation.library import Card
from redshop.simulation.life import Life
from redshop.simulation.shops import lend_pictures


def write(life: Life, deed: Deed) -> None:
    """Publish what a creator felt like writing today."""
    person = deed.details["person"]
    rng = life.draws("write", at=deed.at, person=person)
    publish(life, plan_note(rng=rng, author=person, people=life.people, world=life.world), deed.at)


def write_for_brand(life: Life, deed: Deed) -> None:
    """Publish a brand's own note."""
    brand = deed.details["brand"]
    rng = life.draws("write for brand", at=deed.at, person=brand)
    plan = plan_brand_note(rng=rng, brand=brand, people=life.people, world=life.world)
    publish(life, plan, deed.at)


def write_about_purchase(life: Life, deed: Deed) -> None:
    """Publish a note about a product that has arrived: the loop closes."""
    person, product = deed.details["person"], deed.details["product"]
    rng = life.draws(f"write about:{product}", at=deed.at, person=person)
    plan = plan_note(rng=rng, author=person, people=life.people, world=life.world, product=product)
    publish(life, plan, deed.at)


def publish(life: Life, plan: NotePlan, at: datetime, *, draft: Note | None = None) -> None:
    """Draft a planned note, unless that was done before an interruption, and publish it."""
    account = life.residents.account(plan.author)
    draft = draft or _draft(life, plan, at)
    note = authoring.publish(note_id=draft.pk, author_id=account, at=at)
    life.library.add(
        Card(
            id=note.pk,
            author=plan.author,
            shelf=plan.shelf,
            products=plan.products,
            language=LANGUAGES.index(plan.language),
            type=plan.type,
            quality=plan.quality,
            is_paid=plan.is_sponsored or plan.earns_commission,
            trust=plan.trust + TRUST["verified_purchase"] * note.has_verified_purchase,
        )
    )


def _draft(life: Life, plan: NotePlan, at: datetime) -> Note:
    account = life.residents.account(plan.author)
    shelf = life.world.shelves[plan.shelf]
    pictures: list[int] = []
    if plan.type == "image":
        pictures = lend_pictures(
            shops=life.shops, top=shelf.top, places=plan.pictures, owner_id=account, at=at
        )
    return authoring.create_draft(
        author_id=account,
        type=plan.type,
        title=plan.text.title,
        body=plan.text.body,
        media_ids=pictures,
        topic_slugs=[shelf.slug, plan.topic],
        product_ids=[life.shops.product_ids[product] for product in plan.products],
        earns_commission=plan.earns_commission,
        disclosure=plan.disclosure,
        ai_use=plan.ai_use,
        brand_id=None if plan.brand is None else life.shops.brand_ids[plan.brand],
        origin="brand" if plan.is_brand else "user",
        is_sponsored=plan.is_sponsored,
        at=at,
        population=Population.SIMULATED,
    )
