"""Statistics as a table."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rest_framework.renderers import BaseRenderer
from rest_framework.utils.encoders import JSONEncoder

#: What spreadsheets take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_META: Final = ("definition", "version", "from", "to", "window_days", "population", "kind")


class CsvRenderer(BaseRenderer):
    """One row a group, with what the figures are; ``unattributed`` and ``total`` come last."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        response = (renderer_context or {}).get("response")
        if response is not None and response.exception:
            return json.dumps(data, cls=JSONEncoder, ensure_ascii=False).encode()
        rows = [dict(row) for row in _rows(data)]
        header = list(dict.fromkeys(name for row in rows for name in row))
        out = io.StringIO()
        writer = csv.DictWriter(out, fieldnames=header or ["row", *_META], restval="")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue().encode()


def _rows(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    meta = {name: data["meta"][name] for name in _META}
    named = [("result", row) for row in data["results"]]
    named += [(name, data[name]) for name in ("unattributed", "total") if name in data]
    for name, row in named:
        yield {"row": name, **dict(_flat(row)), **meta}


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield a column for each leaf; steps are named by what they are."""
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{prefix}{name}_")
        elif isinstance(inner, list):
            for step in inner:
                rest = {key: part for key, part in step.items() if key != "step"}
                yield from _flat(rest, f"{prefix}{step['step']}_")
        else:
            yield prefix + name, _harmless(inner)


def _harmless(value: Any) -> Any:
    """Keep a spreadsheet from running a title as a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
