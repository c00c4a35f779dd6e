"""Where accounts live below ``/api/v1``."""

from django.urls import path

from redshop.accounts.api import people, privacy, sessions

urlpatterns = [
    path("auth/register", sessions.RegisterView.as_view()),
    path("auth/login", sessions.LoginView.as_view()),
    path("auth/logout", sessions.LogoutView.as_view()),
    path("auth/logout-all", sessions.LogoutAllView.as_view()),
    path("auth/sessions", sessions.SessionsView.as_view()),
    path("auth/sessions/<uuid:pk>", sessions.SessionView.as_view()),
    path("auth/password", sessions.PasswordView.as_view()),
    path("auth/password/reset", sessions.ResetView.as_view()),
    path("auth/password/reset/confirm", sessions.ResetConfirmView.as_view()),
    path("auth/email/verify", sessions.VerifyEmailView.as_view()),
    path("me", people.MeView.as_view()),
    path("me/export", privacy.ExportsView.as_view()),
    path("me/exports/<uuid:export_id>", privacy.ExportView.as_view()),
    path("me/exports/<uuid:export_id>/file", privacy.ExportFileView.as_view()),
    path("me/preferences", people.PreferencesView.as_view()),
    path("me/consents", people.ConsentsView.as_view()),
    path("me/notifications", people.NotificationsView.as_view()),
    path("me/notifications/read", people.NotificationsReadView.as_view()),
    path("users/<str:handle>", people.PersonView.as_view()),
    path("users/<str:handle>/follow", people.FollowView.as_view()),
    path("users/<str:handle>/block", people.BlockView.as_view()),
    path("users/<str:handle>/followers", people.FollowersView.as_view()),
    path("users/<str:handle>/following", people.FollowingView.as_view()),
]
