"""Uploads served by the project itself, where no proxy or object storage does."""

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponseBase
from django.views.static import serve

#: A stored file is never changed, but it may be taken away.
ONE_DAY = "public, max-age=86400"


def serve_media(request: HttpRequest, path: str) -> HttpResponseBase:
    """Answer a file of the media folder, to be kept by whoever asks."""
    response = serve(request, path, document_root=str(settings.MEDIA_ROOT))
    if isinstance(response, FileResponse):
        response["Cache-Control"] = ONE_DAY
    return response
