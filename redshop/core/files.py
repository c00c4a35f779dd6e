"""Files that are no longer needed: deleted once what says so has committed."""

from collections.abc import Sequence
from datetime import datetime

from django.core.files.storage import storages

from redshop.core import outbox
from redshop.core.db import requires_transaction


@requires_transaction
def discard(names: Sequence[str], *, at: datetime, storage: str = "default") -> None:
    """Have files of a storage deleted; a name that is not there does no harm."""
    facts = [(f"{storage}:{name}", {"name": name, "storage": storage}) for name in names]
    outbox.publish_many("file.discarded", facts=facts, at=at)


def delete(name: str, *, storage: str) -> None:
    """Delete a file of a storage."""
    storages[storage].delete(name)
