"""Manifests of published drafts: brief, model, prompt, editors, approver and note, sealed.

What came of a note, its orders, is told by the lineage: it comes later than the seal.
"""

from datetime import datetime
from typing import Any, Final

from notes.models import Note, NoteMedia
from redshop.core import outbox, sealing
from redshop.core.db import requires_transaction
from redshop.studio.models import Draft, Manifest
from redshop.studio.selectors import provenance
from redshop.studio.writers.base import GRAMMAR

_SOURCE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@requires_transaction
def make(draft: Draft, *, at: datetime) -> Manifest:
    """Seal where the note of a published draft comes from, and have its pictures say so."""
    note = draft.note
    if note is None:
        raise ValueError("a draft without a note has no manifest")
    document = provenance.document_of(note, [*_made(draft), *_let_out(draft, note)], at=at)
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
