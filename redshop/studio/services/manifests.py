"""Manifests: where a note comes from, sealed when it is published, shaped as C2PA's claims.

Who did something stands there under a name that leads to nobody outside this deployment. What came
of a note, its orders, is told beside the manifest: it comes later than the seal.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from notes.models import Note, NoteMedia
from redshop.catalog.services.binding import ALGORITHM, BINDING, block
from redshop.core import outbox, sealing
from redshop.core.db import requires_transaction
from redshop.studio.models import Draft, Manifest
from redshop.studio.writers.base import GRAMMAR

GENERATOR: Final = "redshop studio"
VERSION: Final = 1
_SOURCE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@requires_transaction
def make(draft: Draft, *, at: datetime) -> Manifest:
    """Seal where the note of a published draft comes from, and have its pictures say so."""
    note = draft.note
    if note is None:
        raise ValueError("a draft without a note has no manifest")
    document = _document(note, [*_made(draft), *_let_out(draft, note)], at=at)
    document["assertions"] += [_brief(draft), _prompt(draft)]
    made, _ = Manifest.objects.get_or_create(
        note=note, defaults={"document": document, "seal": sealing.seal(document), "made_at": at}
    )
    media_ids = list(
        NoteMedia.objects.filter(note=note).order_by("pk").values_list("media", flat=True)
    )
    if media_ids:
        outbox.publish(
            "studio.manifest_made",
            key=str(note.pk),
            payload={"note_id": note.pk, "media_ids": media_ids, "ai_use": note.ai_use},
            at=at,
        )
    return made


def of_note(note: Note, *, at: datetime) -> dict[str, Any]:
    """Return the manifest of a note with its seal: the one that was made, else one made now, of
    what is known of a note that no studio had a part in."""
    made = Manifest.objects.filter(note=note).first()
    if made is not None:
        return {"document": made.document, "seal": made.seal}
    who = sealing.pseudonym(note.author_id)
    actions = [{"action": "c2pa.created", "when": note.created_at.isoformat(), "actors": [who]}]
    if note.published_at is not None:
        published = note.published_at.isoformat()
        actions.append({"action": "c2pa.published", "when": published, "actors": [who]})
    document = _document(note, actions, at=at)
    return {"document": document, "seal": sealing.seal(document)}


def is_of(note: Note, document: Mapping[str, Any]) -> bool:
    """Tell whether a note still says what its manifest was sealed over."""
    hashed = next(
        (each["data"]["hash"] for each in document["assertions"] if each["label"] == _HASH), None
    )
    return hashed == _hash_of(note)


_HASH: Final = "c2pa.hash.data"


def _document(note: Note, actions: list[dict[str, Any]], *, at: datetime) -> dict[str, Any]:
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


def _made(draft: Draft) -> list[dict[str, Any]]:
    """Return how a draft was written and edited."""
    source = "algorithmicMedia" if draft.job.writer == GRAMMAR else "trainedAlgorithmicMedia"
    actions: list[dict[str, Any]] = []
    for revision in draft.revisions.order_by("number"):
        when = revision.at.isoformat()
        if revision.editor_id is None:
            actions.append(
                {
                    "action": "c2pa.created",
                    "when": when,
                    "softwareAgent": {"name": draft.job.writer, "version": draft.job.model},
                    "digitalSourceType": _SOURCE + source,
                }
            )
        else:
            who = sealing.pseudonym(revision.editor_id)
            actions.append({"action": "c2pa.edited", "when": when, "actors": [who]})
    return actions


def _let_out(draft: Draft, note: Note) -> list[dict[str, Any]]:
    """Return who approved a draft, and in whose name it was published."""
    if draft.approved_by_id is None or draft.approved_at is None or note.published_at is None:
        raise ValueError("nobody approved it")
    return [
        {
            "action": "redshop.approved",
            "when": draft.approved_at.isoformat(),
            "actors": [sealing.pseudonym(draft.approved_by_id)],
        },
        {
            "action": "c2pa.published",
            "when": note.published_at.isoformat(),
            "actors": [sealing.pseudonym(note.author_id)],
        },
    ]


def _brief(draft: Draft) -> dict[str, Any]:
    brief = draft.brief
    told = {
        "id": brief.pk,
        "brand": brief.brand_id,
        "product": brief.product_id,
        "language": brief.language,
        "tone": brief.tone,
        "segment": draft.segment,
        "claims": brief.claims,
        "opened_at": brief.opened_at.isoformat(),
    }
    return {"label": "redshop.brief", "data": told}


def _prompt(draft: Draft) -> dict[str, Any]:
    job = draft.job
    told = {"writer": job.writer, "model": job.model, "prompt_sha256": job.prompt_hash}
    return {"label": "redshop.prompt", "data": {"job": job.pk, **told}}


def _hash_of(note: Note) -> str:
    return sha256(f"{note.title}\n\n{note.body}".encode()).hexdigest()
