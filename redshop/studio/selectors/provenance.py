"""Where a note comes from, as its manifest says it: sealed when it was published, or made now.

Shaped as C2PA shapes a claim. Who did something stands there under a name that leads to nobody
outside this deployment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from notes.models import Note, NoteMedia
from notes.selectors import openable_by
from redshop.catalog.services.binding import ALGORITHM, BINDING, block
from redshop.core import sealing
from redshop.core.errors import NotFound
from redshop.studio.models import Manifest

GENERATOR: Final = "redshop studio"
VERSION: Final = 1
_HASH: Final = "c2pa.hash.data"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A manifest with its seal, and whether both still hold."""

    document: Mapping[str, Any]
    seal: str
    is_intact: bool
    is_of_this_text: bool


def manifest(*, note_id: int, viewer_id: int | None, at: datetime) -> Sealed:
    """Return the manifest of a note that the viewer may open.

    Of a note that no studio had a part in it is made now, of what is known.

    Raises:
        NotFound: there is no such note, or it is not for this viewer.
    """
    note = openable_by(viewer_id).filter(pk=note_id).first()
    if note is None:
        raise NotFound
    made = Manifest.objects.filter(note=note).first()
    document = made.document if made else _of_others(note, at=at)
    seal = made.seal if made else sealing.seal(document)
    return Sealed(document, seal, sealing.is_intact(document, seal), is_of(note, document))


def _of_others(note: Note, *, at: datetime) -> dict[str, Any]:
    who = sealing.pseudonym(note.author_id)
    actions = [{"action": "c2pa.created", "when": note.created_at.isoformat(), "actors": [who]}]
    if note.published_at is not None:
        published = note.published_at.isoformat()
        actions.append({"action": "c2pa.published", "when": published, "actors": [who]})
    return document_of(note, actions, at=at)


def is_of(note: Note, document: Mapping[str, Any]) -> bool:
    """Tell whether a note still says what its manifest was sealed over."""
    hashed = next(
        (each["data"]["hash"] for each in document["assertions"] if each["label"] == _HASH), None
    )
    return hashed == _hash_of(note)


def document_of(note: Note, actions: list[dict[str, Any]], *, at: datetime) -> dict[str, Any]:
    """Return what is claimed of a note: actions, text, labels, pictures."""
    prints = NoteMedia.objects.filter(note=note, media__fingerprint__isnull=False)
    blocks = [
        {"media": media_id, "value": block(value)}
        for media_id, value in prints.order_by("position").values_list(
            "media", "media__fingerprint"
        )
        if value is not None
    ]
    assertions: list[dict[str, Any]] = [
        {"label": "c2pa.actions", "data": {"actions": actions}},
        {"label": _HASH, "data": {"alg": "sha256", "name": "text", "hash": _hash_of(note)}},
        {
            "label": "redshop.note",
            "data": {
                "id": note.pk,
                "origin": note.origin,
                "disclosure": note.disclosure,
                "ai": note.ai_use,
                "verified_purchase": note.has_verified_purchase,
            },
        },
    ]
    if blocks:
        assertions.append({"label": BINDING, "data": {"alg": ALGORITHM, "blocks": blocks}})
    return {
        "claim_generator": f"{GENERATOR}/{VERSION}",
        "title": note.title,
        "instance_id": f"redshop:note:{note.pk}",
        "format": "application/json",
        "made_at": at.isoformat(),
        "assertions": assertions,
        "signature_info": {"alg": "HS256", "issuer": "redshop"},
    }


def _hash_of(note: Note) -> str:
    return sha256(f"{note.title}\n\n{note.body}".encode()).hexdigest()
