"""What notes are found by, in the admin: synonyms to write, the index and its words to look at."""

from django.contrib import admin
from unfold.decorators import display

from notes.models import IndexedText, PostingBlock, SearchIndex, Synonym, Word
from redshop.core.admin import EditableAdmin, ReadOnlyAdmin


@admin.register(Synonym)
class SynonymAdmin(EditableAdmin):
    """Words that find each other's notes from the next search on."""

    list_display = ["shown", "is_active", "note", "created_at"]
    list_editable = ["is_active"]
    list_display_links = ["shown"]
    fields = ["words", "is_active", "note"]
    ordering = ["pk"]

    @display(description="words", ordering="words")
    def shown(self, synonym: Synonym) -> str:
        """Show the words in one line."""
        return " = ".join(synonym.words)


@admin.register(SearchIndex)
class SearchIndexAdmin(ReadOnlyAdmin):
    """How many notes can be found, and how many wait to be folded into blocks."""

    list_display = ["kind", "documents", "waiting", "blocks", "folded_at"]
    fields = ["kind", "documents", "waiting", "blocks", "folded_at", "words_version"]
    ordering = ["kind"]

    @display(description="waiting; they are found all the same")
    def waiting(self, index: SearchIndex) -> int:
        """Count what was indexed since the last folding."""
        return IndexedText.objects.filter(kind=index.kind, terms__isnull=False).count()

    @display(description="blocks")
    def blocks(self, index: SearchIndex) -> int:
        """Count the blocks of postings."""
        return PostingBlock.objects.filter(kind=index.kind).count()


@admin.register(Word)
class WordAdmin(ReadOnlyAdmin):
    """The vocabulary by which mistyped words are corrected and unfinished ones completed."""

    list_display = ["text", "documents"]
    fields = ["text", "documents"]
    search_fields = ["text__startswith"]
    ordering = ["-documents", "text"]
    show_full_result_count = False
