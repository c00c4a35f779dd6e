"""Where the lake lies: a folder, or whatever fsspec knows by its address (s3://…)."""

from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import duckdb
import fsspec
from django.conf import settings
from fsspec.implementations.local import LocalFileSystem


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the lake: where it lies below the lake's root, how long it is, what it holds."""

    path: str
    bytes: int
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class Storage:
    """The lake's file system and its root."""

    files: Any
    root: str

    def address(self, path: str) -> str:
        """Return where a file of the lake is found by DuckDB."""
        full = f"{self.root}/{path}"
        return full if isinstance(self.files, LocalFileSystem) else f"{self._protocol}://{full}"

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a DuckDB in memory that reads the lake."""
        connection = duck()
        if not isinstance(self.files, LocalFileSystem):
            connection.register_filesystem(self.files)
        return connection

    def put(self, source: Path, path: str, *, rows: int) -> StoredFile:
        """Bring a file into the lake."""
        with source.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        self.files.makedirs(f"{self.root}/{path}".rpartition("/")[0], exist_ok=True)
        self.files.put_file(str(source), f"{self.root}/{path}")
        return StoredFile(path, source.stat().st_size, digest, rows)

    def digest(self, path: str) -> str:
        """Return the SHA-256 of a file of the lake.

        Raises:
            OSError: it cannot be read; FileNotFoundError where it is not there.
        """
        with self.files.open(f"{self.root}/{path}", "rb") as file:
            return file_digest(file, "sha256").hexdigest()

    def write_text(self, path: str, text: str) -> None:
        self.files.makedirs(f"{self.root}/{path}".rpartition("/")[0], exist_ok=True)
        self.files.pipe_file(f"{self.root}/{path}", text.encode())

    def read_text(self, path: str) -> str:
        """Return what a file of the lake says.

        Raises:
            OSError: it cannot be read; FileNotFoundError where it is not there.
        """
        return str(self.files.cat_file(f"{self.root}/{path}").decode())

    def remove(self, path: str) -> None:
        """Remove a file of the lake, where it is there."""
        full = f"{self.root}/{path}"
        if self.files.exists(full):
            self.files.rm_file(full)

    @property
    def _protocol(self) -> str:
        protocol = self.files.protocol
        return str(protocol if isinstance(protocol, str) else protocol[0])


def duck(file: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB of its own, in memory or in a file, whose time zone is UTC."""
    connection = duckdb.connect(str(file or ":memory:"))
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def storage() -> Storage:
    """Return the lake that the settings name.

    Raises:
        ImportError: its kind of storage needs a package that is not installed (S3: s3fs).
    """
    files, root = fsspec.url_to_fs(settings.LAKE_URL, **settings.LAKE_OPTIONS)  # type: ignore[no-untyped-call]
    return Storage(files, root.rstrip("/"))
