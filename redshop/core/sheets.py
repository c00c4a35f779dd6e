"""Tables for spreadsheets."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

#: What spreadsheets take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def as_csv(rows: Sequence[Mapping[str, Any]], *, header: Sequence[str]) -> bytes:
    """Return rows as CSV in UTF-8; texts that a spreadsheet would run are made harmless."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=header, restval="")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return out.getvalue().encode()


def _harmless(value: Any) -> Any:
    """Keep a spreadsheet from running a title as a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
