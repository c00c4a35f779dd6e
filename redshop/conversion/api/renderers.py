"""Statistics as a table."""

import json
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
from rest_framework.renderers import BaseRenderer
from rest_framework.utils.encoders import JSONEncoder

from redshop.core.sheets import as_csv

#: What names the parts of a row that are lists, and what is put before it.
_PARTS: Final = {"step": "", "days": "t", "offset": "span_", "arm": ""}
_META: Final = ("definition", "version", "from", "to", "window_days", "population", "kind")


class TableRenderer(BaseRenderer, ABC):
    """One row a group, with what the figures are; ``unattributed`` and ``total`` come last.

    A refusal is a problem document, whatever was asked for.
    """

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        response = (renderer_context or {}).get("response")
        if response is not None and response.exception:
            return json.dumps(data, cls=JSONEncoder, ensure_ascii=False).encode()
        rows = list(_rows(data))
        header = list(dict.fromkeys(name for row in rows for name in row))
        return self.written(rows, header or ["row", *_META])

    @abstractmethod
    def written(self, rows: Sequence[Mapping[str, Any]], header: Sequence[str]) -> bytes:
        """Return the rows in the format's own way."""


class CsvRenderer(TableRenderer):
    """For spreadsheets."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def written(self, rows: Sequence[Mapping[str, Any]], header: Sequence[str]) -> bytes:
        return as_csv(rows, header=header)


class ParquetRenderer(TableRenderer):
    """For engines: numbers and texts of one type a column."""

    media_type = "application/vnd.apache.parquet"
    format = "parquet"
    charset = None
    render_style = "binary"

    def written(self, rows: Sequence[Mapping[str, Any]], header: Sequence[str]) -> bytes:
        columns = {name: _type([row.get(name) for row in rows]) for name in header}
        told = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
        with (
            tempfile.TemporaryDirectory(prefix="redshop-answer-") as folder,
            duckdb.connect() as database,
        ):
            said, answer = Path(folder) / "rows.json", Path(folder) / "rows.parquet"
            said.write_text("\n".join(json.dumps(row, cls=JSONEncoder) for row in rows))
            database.execute(
                f"COPY (SELECT * FROM read_json('{said}', columns={{{told}}},"  # noqa: S608 - names of ours
                f" format='newline_delimited')) TO '{answer}' (FORMAT parquet)"
            )
            return answer.read_bytes()


def _type(values: Sequence[Any]) -> str:
    """Return the type of a column that holds these values."""
    kinds = {type(value) for value in values if value is not None}
    for kind, name in ((bool, "BOOLEAN"), (int, "BIGINT")):
        if kinds == {kind}:
            return name
    return "DOUBLE" if kinds and kinds <= {int, float} else "VARCHAR"


def _rows(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    meta = {name: data["meta"][name] for name in _META}
    if "results" not in data:
        data = {"results": [{name: data[name] for name in data if name != "meta"}], **data}
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
            for part in inner:
                called = next(key for key in _PARTS if key in part)
                rest = {key: value for key, value in part.items() if key != called}
                yield from _flat(rest, f"{prefix}{_PARTS[called]}{part[called]}_")
        else:
            yield prefix + name, inner
