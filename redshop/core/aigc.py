"""What a picture's own metadata say of where it comes from: the mark of AI, and a manifest.

The object and its seven members are those that China's labelling standard for synthetic content
(GB 45438-2025) names; in XMP they stand as JSON in ``TC260:AIGC``. Beside it stands what IPTC's
vocabulary calls the source, which readers elsewhere look for. The manifest of the note that showed
the picture first stands in ``redshop:Manifest``, as JSON, with its seal.
"""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import IO, Any, Final

from PIL import Image

MEMBERS: Final = (
    "Label", "ContentProducer", "ProduceID", "ReservedCode1", "ContentPropagator", "PropagateID",
    "ReservedCode2",
)  # fmt: skip
#: What a label says: made by AI, possibly, or suspected so by whoever passes it on.
LABELS: Final = frozenset({"1", "2", "3"})
MOST_BYTES: Final = 60_000

_HEADER: Final = b"http://ns.adobe.com/xap/1.0/\0"
#: The markers of what applications write into a JPEG.
_APPLICATION: Final = range(0xE0, 0xF0)
_SOURCE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_MADE: Final = {"assisted": "compositeWithTrainedAlgorithmicMedia"}
_PACKET: Final = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about=""{attributes}>
{elements}
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
_AIGC: Final = re.compile(
    r"<(\w+):AIGC>(?P<element>.*?)</\1:AIGC>|\bAIGC=\"(?P<attribute>[^\"]*)\"", re.DOTALL
)
_MARKED: Final = (
    ' xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/"'
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    ' Iptc4xmpExt:DigitalSourceType="{source}"'
)
_SEALED: Final = ' xmlns:redshop="urn:redshop:manifest:1"'
_MANIFEST: Final = re.compile(r"<redshop:Manifest>(.*?)</redshop:Manifest>", re.DOTALL)
_TRAINED: Final = re.compile(r"[tT]rainedAlgorithmicMedia")


def mark(*, producer: str, produce_id: str, propagator: str, propagate_id: str) -> dict[str, str]:
    """Return the object for something made by AI, its reserved members empty."""
    told = ("1", producer, produce_id, "", propagator, propagate_id, "")
    return dict(zip(MEMBERS, told, strict=True))


def read(file: IO[bytes]) -> dict[str, Any]:
    """Return the mark that a picture bears, empty where it bears none; the file is rewound.

    One whose JSON cannot be read, or that only says how it was made, is a label all the same.
    """
    return read_packet(_packet_of(file))


def read_manifest(file: IO[bytes]) -> dict[str, Any]:
    """Return the manifest in a picture as it stands there, empty where there is none to be read;
    whether it is genuine is for others to say. The file is rewound."""
    match = _MANIFEST.search(_packet_of(file))
    if match is None:
        return {}
    try:
        found = json.loads(html.unescape(match[1]))
    except (ValueError, RecursionError):
        return {}
    return dict(found) if isinstance(found, Mapping) else {}


def _packet_of(file: IO[bytes]) -> str:
    file.seek(0)
    try:
        with Image.open(file) as picture:
            raw = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp") or b""
    except Exception:  # noqa: BLE001 - Pillow raises anything on what is damaged; it is refused later
        raw = b""
    file.seek(0)
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    return text[:MOST_BYTES]


def read_packet(text: str) -> dict[str, Any]:
    """Return the mark that an XMP packet bears, empty where it bears none."""
    match = _AIGC.search(text)
    if match is None:
        return {"Label": "1"} if _TRAINED.search(text) else {}
    told = html.unescape(match["element"] or match["attribute"] or "")
    try:
        found = json.loads(told)
    except ValueError:
        return {"Label": "2"}
    if not isinstance(found, Mapping) or str(found.get("Label")) not in LABELS:
        return {"Label": "2"}
    return {name: str(found.get(name, ""))[:200] for name in MEMBERS}


def write(
    content: bytes,
    *,
    told: Mapping[str, str],
    ai_use: str,
    manifest: Mapping[str, Any] = MappingProxyType({}),
) -> bytes:
    """Return a picture of ours, JPEG or WebP, with a mark and a manifest in its metadata.

    Either may be empty; what stood there before goes. A JPEG gets a segment and keeps every pixel;
    a WebP is encoded once more.
    """
    packet = packet_of(told, ai_use=ai_use, manifest=manifest)
    if content.startswith(b"\xff\xd8"):
        return _with_segment(content, _HEADER + packet)
    out = io.BytesIO()
    with Image.open(io.BytesIO(content)) as picture:
        picture.save(out, "WEBP", quality=90, xmp=packet)
    return out.getvalue()


def packet_of(
    told: Mapping[str, str], *, ai_use: str, manifest: Mapping[str, Any] = MappingProxyType({})
) -> bytes:
    """Return the XMP packet with a mark and a manifest, either of which may be empty."""
    attributes, elements = "", []
    if told:
        attributes += _MARKED.format(source=_SOURCE + _MADE.get(ai_use, "trainedAlgorithmicMedia"))
        elements.append(f"<TC260:AIGC>{_as_text(told)}</TC260:AIGC>")
    if manifest:
        attributes += _SEALED
        elements.append(f"<redshop:Manifest>{_as_text(manifest)}</redshop:Manifest>")
    return _PACKET.format(attributes=attributes, elements="\n".join(elements)).encode()


def _as_text(told: Mapping[str, Any]) -> str:
    return html.escape(json.dumps(dict(told), ensure_ascii=False))


def _with_segment(content: bytes, body: bytes) -> bytes:
    """Return a JPEG whose XMP is ``body``: after the start, instead of any that stands there."""
    kept, place = [content[:2]], 2
    segment = b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body
    while content[place : place + 1] == b"\xff" and content[place + 1] in _APPLICATION:
        size = int.from_bytes(content[place + 2 : place + 4])
        found = content[place : place + 2 + size]
        if not found[4:].startswith(_HEADER):
            kept.append(found)
        place += 2 + size
    return b"".join([kept[0], segment, *kept[1:], content[place:]])
