"""Which notes are written by someone who really had the product."""

from collections.abc import Sequence
from datetime import datetime

from notes.models import Note, ProductTag, ProofOfPurchase
from redshop.core.db import requires_transaction


@requires_transaction
def prove(*, person_id: int, product_ids: Sequence[int], delivered_at: datetime) -> int:
    """Remember a delivery and mark the person's notes that show what was delivered.

    Notes written later find the proof when they are published. Returns how many notes became
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
    tags = ProductTag.objects.open().filter(product__in=list(product_ids))
    found = (
        Note.objects.existing()
        .filter(author=person_id, has_verified_purchase=False, pk__in=tags.values("note"))
        .locked()
        .values_list("pk", flat=True)
    )
    return Note.objects.filter(pk__in=list(found)).update(has_verified_purchase=True)
