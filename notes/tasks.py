"""What notes do about facts of other rooms, and what they sweep up."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from notes.discovery import encoding, snapshots
from notes.discovery.search import history, trending
from notes.integrity import brands, engagement
from notes.services import (
    charts,
    exposure,
    folding,
    learning,
    neighbours,
    reactions,
    upkeep,
    vectors,
    verification,
)
from redshop.catalog.services import labels
from redshop.core import outbox


@outbox.subscribe("order.delivered")
def prove_purchase(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Mark the buyer's notes about what was delivered as by someone who had it."""
    verification.prove(
        person_id=payload["buyer_id"],
        product_ids=payload["product_ids"],
        delivered_at=datetime.fromisoformat(payload["delivered_at"]),
    )


@outbox.subscribe("order.refunded")
def withdraw_proof(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Take the mark from notes about what their author has given back, all of it."""
    if payload.get("given_up_product_ids"):
        verification.withdraw(
            person_id=payload["buyer_id"],
            product_ids=payload["given_up_product_ids"],
            at=datetime.fromisoformat(payload["refunded_at"]),
        )


@outbox.subscribe("note.made_by_ai")
def label_pictures(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Write into the pictures of a note that AI made or helped to make them."""
    labels.label(
        media_ids=payload["media_ids"],
        producer=f"person-{payload['author_id']}",
        note_id=payload["note_id"],
        ai_use=payload["ai_use"],
        at=at,
    )


@outbox.subscribe("person.followed")
def count_follow(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Count a follow for the note that led to it, where one did."""
    if payload.get("note_id"):
        reactions.follow_from(note_id=payload["note_id"], person_id=payload["follower_id"], at=at)


@shared_task(name="notes.tasks.forget_snapshots")
def forget_snapshots(**_newer: Any) -> None:
    """Delete feed and search answers that are past explaining, and searches past their days."""
    snapshots.forget(at=timezone.now())
    history.forget_old(at=timezone.now())


@shared_task(name="notes.tasks.count_points")
def count_points(**_newer: Any) -> None:
    """Let the points of brands go with time."""
    with transaction.atomic():
        brands.count_all(at=timezone.now())


@shared_task(name="notes.tasks.mark_fake_likes")
def mark_fake_likes(**_newer: Any) -> None:
    """Mark likes of bursts and rings, and take them out of counters."""
    engagement.mark(at=timezone.now())


@shared_task(name="notes.tasks.learn_neighbours")
def learn_neighbours(**_newer: Any) -> None:
    """Learn which notes the same people go to."""
    neighbours.learn(at=timezone.now())


@shared_task(name="notes.tasks.count_trends")
def count_trends(**_newer: Any) -> None:
    """Count what is trending and popular, and keep how each entry got there."""
    trending.keep(at=timezone.now())
    charts.count(at=timezone.now())


@shared_task(name="notes.tasks.prepare_pool")
def prepare_pool(**_newer: Any) -> None:
    """Prepare what explore offers of topics, so that no process reads it note by note."""
    charts.prepare(at=timezone.now())


@shared_task(name="notes.tasks.share_exposure")
def share_exposure(**_newer: Any) -> None:
    """Let new notes into the exposure pool, and decide which of them go on."""
    exposure.share(at=timezone.now())


@shared_task(name="notes.tasks.count_large_creators")
def count_large_creators(**_newer: Any) -> None:
    """Count who has followers enough to be no small creator."""
    exposure.count_large_creators(at=timezone.now())


@shared_task(name="notes.tasks.encode_notes")
def encode_notes(**_newer: Any) -> None:
    """Turn notes that are new or changed into vectors; fit the encoder where there is none."""
    if encoding.current() is None:
        vectors.fit(at=timezone.now())
    upkeep.encode_all()


@shared_task(name="notes.tasks.learn_ranking")
def learn_ranking(**_newer: Any) -> None:
    """Learn from what was shown, and fit what notes are about to the notes there are."""
    vectors.fit(at=timezone.now())
    learning.learn(at=timezone.now())


@shared_task(name="notes.tasks.fold_search_index")
def fold_search_index(**_newer: Any) -> None:
    """Index products that changed and fold what was indexed; all notes where none ever was."""
    folding.fold_all(at=timezone.now())
