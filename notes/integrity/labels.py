"""The labels that readers must see: of what is commercial, and of what AI made."""

from typing import Final

from django.conf import settings

from notes.errors import AiLabelRequired, DisclosureRequired
from notes.models import Note, NoteMedia, ProductTag
from notes.states import NoteState

#: Less AI to more: a published note's label may rise, never fall.
_AI_ORDER: Final = (Note.AiUse.NONE, Note.AiUse.ASSISTED, Note.AiUse.GENERATED)


def check_disclosure(note: Note) -> None:
    """Refuse to show a commercial note that does not say that it is one.

    Raises:
        DisclosureRequired: it earns, is paid for, speaks for a brand or, under the strict rule
            of the deployment, shows any product, and bears no label.
    """
    asks = is_every_product_commercial() and not note.disclosure
    check_label(note, shows_products=asks and ProductTag.objects.open().filter(note=note).exists())


def check_label(note: Note, *, shows_products: bool) -> None:
    """Refuse what ``check_disclosure`` does of a note whose products the caller knows.

    Raises:
        DisclosureRequired: as there.
    """
    needs_one = is_commercial(note) or (shows_products and is_every_product_commercial())
    if needs_one and not note.disclosure:
        raise DisclosureRequired


def is_commercial(note: Note) -> bool:
    """Tell whether the note earns, is paid for or speaks for a brand."""
    return note.earns_commission or note.is_sponsored or note.origin == Note.Origin.BRAND


def is_every_product_commercial() -> bool:
    """Tell whether this deployment demands a label for every product that is shown."""
    return settings.DISCLOSURE_RULE == "every_product_link"


def check_ai_label(note: Note, *, ai_use: str) -> None:
    """Refuse to weaken the AI label of what readers have seen with it.

    Raises:
        AiLabelRequired: the note is published, and the new label says less.
    """
    is_weaker = _AI_ORDER.index(Note.AiUse(ai_use)) < _AI_ORDER.index(Note.AiUse(note.ai_use))
    if note.state == NoteState.PUBLISHED and is_weaker:
        raise AiLabelRequired


def check_marks(note: Note) -> None:
    """Refuse to show without a label what says in its own metadata that AI made it.

    Raises:
        AiLabelRequired: a picture bears such a mark, and the note no AI label.
    """
    shown = NoteMedia.objects.filter(note=note).exclude(media__aigc={})
    if note.ai_use == Note.AiUse.NONE and shown.exists():
        raise AiLabelRequired("A picture says that AI made it: label the note so.")
