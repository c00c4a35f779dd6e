"""Notes and what they are found by, in the admin."""

from notes.admin import notes, search  # noqa: F401 - importing registers the pages
