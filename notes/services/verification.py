"""Which notes are written by someone who really had the product."""

from collections.abc import Sequence
from datetime import datetime

from notes.models import Note, ProductTag, ProofOfPurchase
from notes.services import tagging
from redshop.core.db import requires_transaction


@requires_transaction
def prove(*, person_id: int, product_ids: Sequence[int], delivered_at: datetime) -> int:
    """Remember a delivery and mark the person's notes that show what was delivered.

    What was given back later than it arrived stays unproven, whichever is heard of first. Notes
    written later find the proof when they are published. Returns how many notes became
    verified now.

    Locks: the notes, in primary-key order.
    """
    ProofOfPurchase.objects.bulk_create(
        (
            ProofOfPurchase(person_id=person_id, product_id=pk, delivered_at=delivered_at)
            for pk in product_ids
        ),
        ignore_conflicts=True,
    )
    proofs = ProofOfPurchase.objects.filter(person=person_id, product__in=list(product_ids))
    proofs.filter(withdrawn_at__lt=delivered_at).update(
        withdrawn_at=None, delivered_at=delivered_at
    )
    proven = proofs.standing().values("product")
    tags = ProductTag.objects.open().filter(product__in=proven)
    found = (
        Note.objects.existing()
        .filter(author=person_id, has_verified_purchase=False, pk__in=tags.values("note"))
        .locked()
        .values_list("pk", flat=True)
    )
    return Note.objects.filter(pk__in=list(found)).update(has_verified_purchase=True)


@requires_transaction
def withdraw(*, person_id: int, product_ids: Sequence[int], at: datetime) -> int:
    """Forget deliveries of which everything was refunded; return how many notes lose their mark.

    A note that shows something else that was kept stays verified.

    Locks: the notes, in primary-key order.
    """
    ProofOfPurchase.objects.bulk_create(
        (
            ProofOfPurchase(person_id=person_id, product_id=pk, delivered_at=at, withdrawn_at=at)
            for pk in product_ids
        ),
        ignore_conflicts=True,
    )
    given_up = ProofOfPurchase.objects.filter(person=person_id, product__in=list(product_ids))
    given_up.standing().filter(delivered_at__lte=at).update(withdrawn_at=at)
    gone = ProductTag.objects.open().filter(product__in=list(product_ids))
    marked = Note.objects.existing().filter(
        author=person_id, has_verified_purchase=True, pk__in=gone.values("note")
    )
    lost = [note for note in marked.locked() if not _is_proven(note)]
    return Note.objects.filter(pk__in=[note.pk for note in lost]).update(
        has_verified_purchase=False
    )


def _is_proven(note: Note) -> bool:
    tagging.verify_purchase(note)
    return note.has_verified_purchase
