"""What the company knows, kept in a file to which lines are only ever added."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """One JSON object a line; what was appended survives the end of the process at any moment."""

    def __init__(self, path: Path) -> None:
        """Open the file, made where there is none; a last line that was torn is cut off."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._lock = threading.Lock()
        self._entries = self._read()

    def entries(self) -> Iterator[dict[str, Any]]:
        """Return what was there when the journal was opened, oldest first, once."""
        entries, self._entries = self._entries, []
        yield from entries

    def append(self, entry: dict[str, Any]) -> None:
        """Add a line; when this returns it is the operating system's.

        Raises:
            OSError: it did not take all of it; what is in memory is not to be trusted any more.
        """
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            written = os.write(self._file, line)
        if written != len(line):
            raise OSError("the journal took only a part of the line")

    def close(self) -> None:
        os.close(self._file)

    def _read(self) -> list[dict[str, Any]]:
        with open(self._file, "rb", closefd=False) as file:
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        os.ftruncate(self._file, len(whole))
        return [json.loads(line) for line in whole.splitlines()]
