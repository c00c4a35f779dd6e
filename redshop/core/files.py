"""Files that are no longer needed: deleted once what says so has committed."""

from collections.abc import Sequence
from datetime import datetime

from django.core.files.storage import default_storage

from redshop.core import outbox
from redshop.core.db import requires_transaction


@requires_transaction
def discard(names: Sequence[str], *, at: datetime) -> None:
    """Have files of the media storage deleted; a name that is not there does no harm."""
    outbox.publish_many("file.discarded", facts=[(name, {"name": name}) for name in names], at=at)


def delete(name: str) -> None:
    """Delete a file of the media storage."""
    default_storage.delete(name)
