"""Every address of the project."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from config import health
from notes.pages import transparency_page
from redshop.accounts.pages import second_factor_page
from redshop.catalog.api.files import serve_media

api: list[URLPattern | URLResolver] = [
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("", include("redshop.events.api.urls")),
    path("", include("redshop.accounts.api.urls")),
    path("", include("redshop.catalog.api.urls")),
    path("", include("orders.api.urls")),
    path("", include("redshop.conversion.api.urls")),
    path("", include("notes.api.urls")),
    path("", include("redshop.studio.api.urls")),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("transparency", transparency_page, name="transparency"),
    path("admin/second-factor", second_factor_page, name="second-factor"),
    path("admin/", admin.site.urls),
    path("api/v1/", include(api)),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
]
if settings.SERVE_MEDIA:
    urlpatterns.append(path("media/<path:path>", serve_media))

admin.site.index_title = "Today"

handler400 = "redshop.core.api.problems.bad_request"
handler404 = "redshop.core.api.problems.not_found"
handler500 = "redshop.core.api.problems.server_error"
