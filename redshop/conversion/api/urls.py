from django.urls import path

from redshop.conversion.api import experiment_views, subject_views
from redshop.conversion.api.views import AttributionView, FunnelView, NoteStatisticsView

urlpatterns = [
    path("stats/funnel", FunnelView.as_view(), name="stats-funnel"),
    path("stats/attribution", AttributionView.as_view(), name="stats-attribution"),
    path("stats/notes/<int:pk>", NoteStatisticsView.as_view(), name="stats-note"),
    path("stats/creators", subject_views.CreatorsView.as_view(), name="stats-creators"),
    path("stats/products", subject_views.ProductsView.as_view(), name="stats-products"),
    path("stats/brands/<int:pk>", subject_views.BrandView.as_view(), name="stats-brand"),
    path("stats/snapshots", subject_views.SnapshotsView.as_view(), name="stats-snapshots"),
    path("stats/time-to-convert", subject_views.TimeToConvertView.as_view(), name="stats-timing"),
    path("stats/cohorts", subject_views.CohortsView.as_view(), name="stats-cohorts"),
    path(
        "stats/experiments/<slug:key>",
        experiment_views.ExperimentView.as_view(),
        name="stats-experiment",
    ),
    path("stats/aips", subject_views.AipsView.as_view(), name="stats-aips"),
]
