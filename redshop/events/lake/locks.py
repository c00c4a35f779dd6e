"""Who works on the lake works on it alone."""

from typing import Final

#: The advisory lock that one run of archiving or rewriting at a time holds.
ARCHIVE_LOCK: Final = 0x6C616B65
