"""Addresses of the behaviour log."""

from django.urls import path

from redshop.events.api import views

urlpatterns = [path("events", views.EventsView.as_view(), name="events")]
