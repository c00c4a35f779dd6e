"""What notes are found by, in the admin: synonyms to write, the index and its words to look at."""

from typing import Final

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from notes.models import (
    IndexedText,
    NeighbourRun,
    PostingBlock,
    SearchIndex,
    Synonym,
    TrendingList,
    Word,
)
from redshop.core.admin import EditableAdmin, ReadOnlyAdmin

#: So many entries stand for a list.
SHOWN: Final = 5
_HEAD: Final = "".join(
    f'<th class="text-left">{name}</th>' for name in ("What", "Kind", "Number", "Before")
)
_TABLE: Final = f'<table class="w-full"><thead><tr>{_HEAD}</tr></thead><tbody>{{}}</tbody></table>'


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
    """How much can be found, and how much waits to be folded into blocks."""

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


@admin.register(NeighbourRun)
class NeighbourRunAdmin(ReadOnlyAdmin):
    """When neighbours of notes were learned, and whether they earned their place in the feed."""

    list_display = [
        "learned_at", "notes", "people", "visits", "gain", "gain_of_popularity", "is_used"
    ]  # fmt: skip
    fields = [
        "learned_at", "notes", "people", "visits", "gain", "gain_of_popularity", "is_used"
    ]  # fmt: skip
    ordering = ["-learned_at"]


@admin.register(Word)
class WordAdmin(ReadOnlyAdmin):
    """The vocabulary by which mistyped words are corrected and unfinished ones completed."""

    list_display = ["text", "documents"]
    fields = ["text", "documents"]
    search_fields = ["text__startswith"]
    ordering = ["-documents", "text"]
    show_full_result_count = False


@admin.register(TrendingList)
class TrendingListAdmin(ReadOnlyAdmin):
    """What was trending when, and by which numbers each entry got there."""

    list_display = ["computed_at", "first", "count", "too_few_people"]
    fields = ["computed_at", "definition", "table", "too_few_people"]
    ordering = ["-computed_at"]

    @display(description="first")
    def first(self, row: TrendingList) -> str:
        """Show the first entries in one line."""
        return ", ".join(entry["text"] for entry in row.entries[:SHOWN]) or "–"

    @display(description="entries")
    def count(self, row: TrendingList) -> int:
        """Count the entries."""
        return len(row.entries)

    @display(description="entries")
    def table(self, row: TrendingList) -> SafeString:
        """Show every entry with its numbers."""
        lines = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            ((e["text"], e["kind"], e["number"], e["number_before"]) for e in row.entries),
        )
        return format_html(_TABLE, lines)
