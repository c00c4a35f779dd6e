"""Gathering what advice about covert advertising rests on."""

from notes.integrity.covert import FEWEST, LATELY, Advice, Facts, advise
from notes.models import Note, ProductTag


def of_note(note: Note) -> Advice:
    """Return how much a note looks like an advertisement that does not say that it is one."""
    shown = ProductTag.objects.open().filter(note=note).order_by("pk")
    brands = list(shown.values_list("product__brand", flat=True))
    return advise(
        Facts(
            text=f"{note.title}\n{note.body}",
            is_labelled=bool(note.disclosure),
            products=len(brands),
            share_of_brand=_share(note, brands[0]) if brands else 0.0,
            has_bought=note.has_verified_purchase,
        )
    )


def _share(note: Note, brand_id: int) -> float:
    others = Note.objects.published().filter(author=note.author_id).exclude(pk=note.pk)
    before = list(others.order_by("-published_at").values_list("pk", flat=True)[:LATELY])
    tags = ProductTag.objects.open().filter(note__in=before, product__brand=brand_id)
    return tags.values("note").distinct().count() / len(before) if len(before) >= FEWEST else 0.0
