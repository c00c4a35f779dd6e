"""Whether a manifest that came inside a picture is genuine, and of that picture.

A seal proves that it was made here and not changed since. The picture itself was re-encoded on its
way, so it is bound by what it is recognised by (C2PA calls that a soft binding).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from redshop.catalog.errors import MediaManifestForged
from redshop.core import sealing

BINDING: Final = "c2pa.soft-binding"
ALGORITHM: Final = "dhash-64"
#: So many of the 64 signs may differ after a picture was scaled and encoded anew.
MOST_BITS: Final = 6


def checked(manifest: Mapping[str, Any], *, fingerprint: int | None) -> Mapping[str, Any]:
    """Return a manifest that came with a picture, or an empty one where none did.

    Raises:
        MediaManifestForged: it was not sealed here, was changed, or is of another picture.
    """
    if not manifest:
        return {}
    document, seal = manifest.get("document"), manifest.get("seal")
    if not isinstance(document, Mapping) or not isinstance(seal, str):
        raise MediaManifestForged
    if not sealing.is_intact(document, seal):
        raise MediaManifestForged
    if not any(_is_near(each, fingerprint) for each in _bound(document)):
        raise MediaManifestForged("The manifest in the picture's metadata is of another picture.")
    return {"document": dict(document), "seal": seal}


def block(fingerprint: int) -> str:
    """Return what a picture is recognised by, as a manifest says it."""
    return f"{fingerprint & (2**64 - 1):016x}"


def _bound(document: Mapping[str, Any]) -> Iterator[int]:
    for assertion in document.get("assertions", ()):
        if assertion.get("label") == BINDING:
            for each in assertion["data"]["blocks"]:
                yield int(each["value"], 16)


def _is_near(bound: int, fingerprint: int | None) -> bool:
    if fingerprint is None:
        return False
    return (bound ^ (fingerprint & (2**64 - 1))).bit_count() <= MOST_BITS
