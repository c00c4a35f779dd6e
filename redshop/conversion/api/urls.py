from django.urls import path

from redshop.conversion.api.views import AttributionView, FunnelView, NoteStatisticsView

urlpatterns = [
    path("stats/funnel", FunnelView.as_view(), name="stats-funnel"),
    path("stats/attribution", AttributionView.as_view(), name="stats-attribution"),
    path("stats/notes/<int:pk>", NoteStatisticsView.as_view(), name="stats-note"),
]
