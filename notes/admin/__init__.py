"""Notes, what they are found by and how they are ranked, in the admin."""

from notes.admin import integrity, notes, policies, search

__all__ = ["integrity", "notes", "policies", "search"]
