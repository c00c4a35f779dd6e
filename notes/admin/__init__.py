"""Notes, what they are found by and how they are ranked, in the admin."""

from notes.admin import notes, policies, search

__all__ = ["notes", "policies", "search"]
