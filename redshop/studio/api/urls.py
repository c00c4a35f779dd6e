from django.urls import path

from redshop.studio.api.views import ManifestView

urlpatterns = [path("notes/<int:note_id>/manifest", ManifestView.as_view(), name="manifest")]
