"""Whose statistics a person may read."""

from django.db.models import Q, QuerySet

from notes.models import Note
from redshop.accounts.models import User
from redshop.catalog.models import BrandMember
from redshop.conversion.errors import NotYours
from redshop.conversion.types import Scope


def is_analyst(user: User) -> bool:
    """Tell whether a person reads everything; being staff alone implies nothing."""
    return user.is_analyst or user.is_superuser


def scope_of(user: User, *, brand_id: int | None = None, author_id: int | None = None) -> Scope:
    """Return what a person sees of what they ask for.

    An analyst sees everything, a member the products of their brands, an author their own notes;
    who is both, their brands' unless they name themselves as the author.

    Raises:
        NotYours: it is none of theirs.
    """
    if is_analyst(user):
        return Scope(brand_ids=None if brand_id is None else (brand_id,), author_id=author_id)
    brands = brands_of(user)
    if brand_id is not None:
        if brand_id not in brands:
            raise NotYours
        return Scope(brand_ids=(brand_id,), author_id=author_id)
    is_about_oneself = author_id == user.pk or (author_id is None and not brands)
    if is_about_oneself and Note.objects.filter(author=user).exists():
        return Scope(author_id=user.pk)
    if author_id is None and brands:
        return Scope(brand_ids=brands)
    raise NotYours


def readable_notes(user: User) -> QuerySet[Note]:
    """Return the notes whose statistics a person may read; the others are as if not there."""
    if is_analyst(user):
        return Note.objects.all()
    return Note.objects.filter(Q(author=user) | Q(brand__members__user=user)).distinct()


def brands_of(user: User) -> tuple[int, ...]:
    """Return the brands that a person works for."""
    return tuple(BrandMember.objects.filter(user=user).values_list("brand_id", flat=True))
