from django.apps import AppConfig


class NotesConfig(AppConfig):
    name = "notes"
    label = "notes"
    verbose_name = "Notes"

    def ready(self) -> None:
        """Subscribe to facts, and tell the catalogue how many notes show a product."""
        from notes import selectors, tasks  # noqa: F401 - importing tasks subscribes them
        from redshop.catalog.selectors import register_notes_count

        register_notes_count(selectors.notes_showing)
