"""The mark of AI-made content inside a picture's own metadata: read, and written.

The object and its seven members are those that China's labelling standard for synthetic content
(GB 45438-2025) names; in XMP they stand as JSON in ``TC260:AIGC``. Beside it stands what IPTC's
vocabulary calls the source, which readers elsewhere look for.
"""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Mapping
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
_SOURCE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_MADE: Final = {"assisted": "compositeWithTrainedAlgorithmicMedia"}
_PACKET: Final = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 Iptc4xmpExt:DigitalSourceType="{source}">
<TC260:AIGC>{told}</TC260:AIGC>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
_AIGC: Final = re.compile(
    r"<(\w+):AIGC>(?P<element>.*?)</\1:AIGC>|\bAIGC=\"(?P<attribute>[^\"]*)\"", re.DOTALL
)
_TRAINED: Final = re.compile(r"[tT]rainedAlgorithmicMedia")


def mark(*, producer: str, produce_id: str, propagator: str, propagate_id: str) -> dict[str, str]:
    """Return the object for something made by AI, its reserved members empty."""
    told = ("1", producer, produce_id, "", propagator, propagate_id, "")
    return dict(zip(MEMBERS, told, strict=True))


def read(file: IO[bytes]) -> dict[str, Any]:
    """Return the mark that a picture bears, empty where it bears none; the file is rewound.

    One whose JSON cannot be read, or that only says how it was made, is a label all the same.
    """
    file.seek(0)
    try:
        with Image.open(file) as picture:
            raw = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp") or b""
    except Exception:  # noqa: BLE001 - Pillow raises anything on what is damaged; it is refused later
        raw = b""
    file.seek(0)
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    return _read(text[:MOST_BYTES])


def _read(text: str) -> dict[str, Any]:
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


def write(content: bytes, *, told: Mapping[str, str], ai_use: str) -> bytes:
    """Return a picture of ours, JPEG or WebP, with a mark in its metadata.

    A JPEG gets a segment and keeps every pixel; a WebP is encoded once more.
    """
    source = _SOURCE + _MADE.get(ai_use, "trainedAlgorithmicMedia")
    said = html.escape(json.dumps(dict(told), ensure_ascii=False))
    packet = _PACKET.format(source=source, told=said).encode()
    if content.startswith(b"\xff\xd8"):
        body = _HEADER + packet
        segment = b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body
        return content[:2] + segment + content[2:]
    out = io.BytesIO()
    with Image.open(io.BytesIO(content)) as picture:
        picture.save(out, "WEBP", quality=90, xmp=packet)
    return out.getvalue()
