"""Where notes and discovery live below ``/api/v1``."""

from django.urls import path

from notes.api import comments, discovery, integrity, lists, notes

urlpatterns = [
    path("feed", discovery.FeedView.as_view()),
    path("search/notes", discovery.SearchNotesView.as_view()),
    path("search/products", discovery.SearchProductsView.as_view()),
    path("search/suggest", discovery.SuggestView.as_view()),
    path("search/trending", discovery.TrendingView.as_view()),
    path("me/searches", discovery.PastSearchesView.as_view()),
    path("me/searches/<int:search_id>", discovery.PastSearchView.as_view()),
    path("ranking/policies", discovery.PoliciesView.as_view()),
    path("notes", notes.NotesView.as_view()),
    path("notes/<int:note_id>", notes.NoteView.as_view()),
    path("notes/<int:note_id>/publish", notes.PublishView.as_view()),
    path("notes/<int:note_id>/check", integrity.CheckView.as_view()),
    path("notes/<int:note_id>/reports", integrity.ReportsView.as_view()),
    path("me/decisions", integrity.DecisionsView.as_view()),
    path("decisions/<int:decision_id>/appeal", integrity.AppealView.as_view()),
    path("notes/<int:note_id>/related", discovery.RelatedView.as_view()),
    path("notes/<int:note_id>/why", discovery.WhyView.as_view()),
    path("notes/<int:note_id>/like", notes.LikeView.as_view()),
    path("notes/<int:note_id>/save", notes.SaveView.as_view()),
    path("notes/<int:note_id>/hide", notes.HideView.as_view()),
    path("notes/<int:note_id>/share", notes.ShareView.as_view()),
    path("notes/<int:note_id>/comments", comments.CommentsView.as_view()),
    path("comments/<int:comment_id>", comments.CommentView.as_view()),
    path("comments/<int:comment_id>/like", comments.CommentLikeView.as_view()),
    path("topics", lists.TopicsView.as_view()),
    path("topics/<slug:slug>", lists.TopicView.as_view()),
    path("topics/<slug:slug>/notes", lists.TopicNotesView.as_view()),
    path("users/<str:handle>/notes", lists.PersonNotesView.as_view()),
    path("products/<int:product_id>/notes", lists.ProductNotesView.as_view()),
]
