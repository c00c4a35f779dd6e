"""Notes and what they are found by, in the admin."""

from notes.admin import notes, search

__all__ = ["notes", "search"]
