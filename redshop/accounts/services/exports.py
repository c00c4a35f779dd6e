"""Everything held about a person, gathered into a ZIP for them alone."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import IO, Any, Final
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from django.core.files import File
from django.core.files.storage import default_storage, storages
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from redshop.accounts.errors import ExportNotFound, ExportNotReady
from redshop.accounts.models import Export, User
from redshop.core import data_map, files, outbox
from redshop.core.db import requires_transaction

#: How long an export can be fetched.
LIFETIME: Final = timedelta(days=7)
_READ_ME: Final = """Everything that is held about @{handle}, as of {at:%Y-%m-%d %H:%M} UTC.

Each .json file is one table: a list of rows. files/ holds the pictures and films you uploaded.
Passwords and keys are left out. How long each table is kept, and what of it goes when you are
erased, is in docs/data_map.md of this deployment.

"""


@transaction.atomic(durable=True)
def ask(*, person_id: int, at: datetime) -> Export:
    """Have everything held about a person gathered; while that is being done, it is one export.

    An earlier one goes when this one is asked for.

    Locks: the person.
    """
    User.objects.locked().get(pk=person_id)
    making = Export.objects.filter(person_id=person_id, ready_at=None).first()
    if making is not None:
        return making
    discard_all(person_id=person_id, at=at)
    asked = Export.objects.create(person_id=person_id, asked_at=at)
    outbox.publish("export.asked", key=str(asked.pk), payload={"export_id": str(asked.pk)}, at=at)
    return asked


def find(*, export_id: UUID, person_id: int, at: datetime) -> Export:
    """Return a person's own export.

    Raises:
        ExportNotFound: there is none, or it is past its days.
    """
    found = Export.objects.filter(pk=export_id, person_id=person_id).first()
    if found is None or (found.expires_at is not None and found.expires_at <= at):
        raise ExportNotFound
    return found


def open_file(*, export_id: UUID, person_id: int, at: datetime) -> File[bytes]:
    """Open the ZIP of a person's own export.

    Raises:
        ExportNotFound: there is none, or it is past its days.
        ExportNotReady: it is still being gathered.
    """
    found = find(export_id=export_id, person_id=person_id, at=at)
    if found.ready_at is None:
        raise ExportNotReady
    opened: File[bytes] = storages["private"].open(found.file)
    return opened


@requires_transaction
def gather(*, export_id: UUID, at: datetime) -> None:
    """Write the ZIP of an export that was asked for; one that is gone is left alone."""
    export = Export.objects.select_related("person").filter(pk=export_id, ready_at=None).first()
    if export is None:
        return
    with tempfile.TemporaryFile() as scratch:
        write(export.person, scratch, at=at)
        export.bytes = scratch.tell()
        scratch.seek(0)
        storages["private"].delete(_place(export))  # of an attempt that was interrupted
        export.file = storages["private"].save(_place(export), File(scratch))
    export.ready_at, export.expires_at = at, at + LIFETIME
    export.save(update_fields=["bytes", "file", "ready_at", "expires_at"])


def write(person: User, target: IO[bytes], *, at: datetime) -> None:
    """Write everything held about a person into a ZIP: a file a table, and what they uploaded."""
    told = [_READ_ME.format(handle=person.handle, at=at)]
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for name, rows in data_map.held_about(data_map.leaving(person.pk)):
            told.append(f"{name}: {len(rows)} rows.\n")
            text = json.dumps(rows, cls=_Encoder, ensure_ascii=False, indent=1)
            archive.writestr(f"{name}.json", text)
            for file in sorted({file for row in rows for file in _files_in(row)}):
                _add_file(archive, file)
        archive.writestr("README.txt", "".join(told))


class _Encoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        return bytes(o).hex() if isinstance(o, bytes | memoryview) else super().default(o)


def _files_in(row: dict[str, Any]) -> list[str]:
    renditions = row.get("renditions")
    forms = renditions.values() if isinstance(renditions, dict) else ()
    return [str(name) for name in (row.get("avatar"), *(form["file"] for form in forms)) if name]


def _add_file(archive: ZipFile, name: str) -> None:
    if default_storage.exists(name):
        with default_storage.open(name) as file:
            archive.writestr(str(PurePosixPath("files") / name), file.read())


@requires_transaction
def discard_all(*, person_id: int, at: datetime) -> None:
    """Delete a person's exports and their files."""
    _discard(list(Export.objects.filter(person_id=person_id)), at=at)


@transaction.atomic(durable=True)
def forget_expired(*, at: datetime) -> None:
    """Delete exports that are past their days."""
    _discard(list(Export.objects.filter(expires_at__lte=at)), at=at)


def _place(export: Export) -> str:
    return f"exports/{export.pk}.zip"


def _discard(exports: list[Export], *, at: datetime) -> None:
    """Delete exports, also what an interrupted attempt may have left of one."""
    files.discard([_place(export) for export in exports], at=at, storage="private")
    Export.objects.filter(pk__in=[export.pk for export in exports]).delete()
