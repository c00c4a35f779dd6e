"""Which version of the code some numbers are of."""

import hashlib
from importlib.metadata import version
from pathlib import Path


def digest_of(*folders: Path) -> str:
    """Return a digest of the Python sources in some folders, and of what compiles them."""
    found = hashlib.blake2b(version("numba").encode(), digest_size=8)
    for file in sorted(file for folder in folders for file in folder.rglob("*.py")):
        found.update(file.read_bytes())
    return found.hexdigest()
