from django.apps import AppConfig


class NotesConfig(AppConfig):
    name = "notes"
    label = "notes"
    verbose_name = "Notes"

    def ready(self) -> None:
        """Subscribe to facts, and tell the floors below how many notes there are."""
        from notes import selectors, tasks  # noqa: F401 - importing tasks subscribes them
        from redshop.accounts import selectors as accounts
        from redshop.catalog import selectors as catalog

        catalog.register_notes_count(selectors.notes_showing)
        accounts.register_notes_count(selectors.published_by)
