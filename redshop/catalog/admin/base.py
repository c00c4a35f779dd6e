"""What the catalogue's pages in the admin have in common."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from redshop.catalog.models import Media
from redshop.core.admin import EditableAdmin


def thumbnail(media: Media | None, *, width: int = 64) -> SafeString | str:
    """Return a small picture that links to the large one; a dash where there is none."""
    if media is None or not media.renditions:
        return "–"
    sizes = media.sizes
    full = sizes["full"].url
    if media.kind == Media.Kind.VIDEO:
        return format_html('<a href="{}">video</a>', full)
    return format_html(
        '<a href="{}"><img src="{}" width="{}" class="rounded-default" alt="" loading="lazy"></a>',
        full,
        sizes["thumb"].url,
        width,
    )


class CatalogAdmin(EditableAdmin):
    """Writes the fields that were changed and no others, so that counters kept by orders stay."""

    list_filter_submit = True
    warn_unsaved_form = True

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: Any) -> None:
        if change:
            touched = {*form.changed_data, getattr(form, "media_field", "")}
            obj.save(update_fields=[f.name for f in obj._meta.concrete_fields if f.name in touched])
        else:
            super().save_model(request, obj, form, change)
