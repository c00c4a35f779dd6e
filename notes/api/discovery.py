"""Feeds, searches and their reasons over HTTP."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notes import selectors
from notes.api import cards
from notes.api.queries import (
    FeedQuery,
    NoteSearchQuery,
    PageQuery,
    ProductSearchQuery,
    SuggestQuery,
    WhyQuery,
)
from notes.api.serializers import (
    PastSearchesSerializer,
    PoliciesSerializer,
    ProductHitsSerializer,
    RankedNotesSerializer,
    SuggestionsSerializer,
    TrendsSerializer,
    WhySerializer,
)
from notes.discovery import choosing, feed, policies, related, snapshots
from notes.discovery.search import history, products, suggest, trending
from notes.discovery.search import notes as search
from notes.discovery.search.hits import Sort
from notes.discovery.snapshots import Explanation
from notes.discovery.types import RankedPage, Viewer
from redshop.accounts.api.people import me, viewer_id
from redshop.core.api.visitors import visitor_id_of

TAG = ["discovery"]
CHANCE = "With this probability it came to this place, given what stands before it."
NO_CHANCE = "The order is deterministic: chance plays no part in it."


def viewer_of(request: Request) -> Viewer:
    """Return who calls: the person of the token, and the device."""
    return Viewer(person_id=viewer_id(request), visitor_id=visitor_id_of(request))


def asked(query: type[Any], request: Request) -> dict[str, Any]:
    """Return the validated parameters of the address.

    Raises:
        ValidationError: one of them is not valid.
    """
    found = query(data=request.query_params.dict())
    found.is_valid(raise_exception=True)
    validated: dict[str, Any] = found.validated_data
    return validated


def shown(request: Request, page: RankedPage) -> Response:
    """Answer a ranked page; a note that vanished since it was ranked is left out."""
    return Response(cards.ranked(request, page, follow=_next(request, page.cursor)))


def _next(request: Request, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    kept = {k: v for k, v in request.query_params.items() if k in {"surface", "page_size"}}
    return request.build_absolute_uri(f"{request.path}?{urlencode({**kept, 'cursor': cursor})}")


class FeedView(APIView):
    @extend_schema(
        operation_id="get_feed",
        tags=TAG,
        parameters=[FeedQuery],
        responses=RankedNotesSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return a page of a feed that holds still while it is paged through, and ends.

        Following needs a token. A cursor is good for an hour; then 410 ``feed_expired``.
        """
        query, viewer = asked(FeedQuery, request), viewer_of(request)
        if query["surface"] == "following" and viewer.person_id is None:
            raise NotAuthenticated
        begin = feed.following if query["surface"] == "following" else feed.explore
        return shown(request, _page(query, viewer, begin=begin, follow=feed.next_page))


def _page(
    query: dict[str, Any],
    viewer: Viewer,
    *,
    begin: Callable[..., RankedPage],
    follow: Callable[..., RankedPage],
) -> RankedPage:
    now, limit = timezone.now(), query["page_size"]
    if "cursor" in query:
        return follow(cursor=query["cursor"], viewer=viewer, at=now, limit=limit)
    return begin(viewer=viewer, at=now, limit=limit)


class SearchNotesView(APIView):
    @extend_schema(
        operation_id="search_notes",
        tags=TAG,
        parameters=[NoteSearchQuery],
        responses=RankedNotesSerializer,
    )
    def get(self, request: Request) -> Response:
        """Find notes by words, topics and products; same envelope as the feed."""
        query, viewer = asked(NoteSearchQuery, request), viewer_of(request)

        def begin(**rest: Any) -> RankedPage:
            return search.search_notes(
                query=query["q"],
                type_=query.get("type", ""),
                sort=Sort(query["sort"]),
                source=query["source"],
                **rest,
            )

        return shown(request, _page(query, viewer, begin=begin, follow=search.next_page))


class RelatedView(APIView):
    @extend_schema(
        operation_id="list_related_notes",
        tags=TAG,
        parameters=[PageQuery],
        responses=RankedNotesSerializer,
    )
    def get(self, request: Request, note_id: int) -> Response:
        """Return notes with the same products, topics or author; same envelope as the feed."""
        query, viewer = asked(PageQuery, request), viewer_of(request)
        selectors.check_openable(note_id=note_id, viewer_id=viewer.person_id)

        def begin(**rest: Any) -> RankedPage:
            return related.related(note_id=note_id, **rest)

        return shown(request, _page(query, viewer, begin=begin, follow=related.next_page))


class WhyView(APIView):
    @extend_schema(
        operation_id="explain_note", tags=TAG, parameters=[WhyQuery], responses=WhySerializer
    )
    def get(self, request: Request, note_id: int) -> Response:
        """Say why this note was ranked where it was in an answer to oneself of the last month.

        The score is the sum of the features' contributions, times every factor.
        """
        explanation = snapshots.explain(
            request_id=asked(WhyQuery, request)["request_id"],
            note_id=note_id,
            viewer=viewer_of(request),
            at=timezone.now(),
        )
        return Response(WhySerializer(_why(explanation)).data)


def _why(found: Explanation) -> dict[str, Any]:
    return {
        "request_id": found.request_id,
        "note_id": found.item.note_id,
        "surface": found.surface,
        "position": found.item.position,
        "policy": found.policy,
        "version": int(found.policy.rpartition("_v")[2]),
        "personalised": found.is_personalised,
        "source": found.item.source,
        "reasons": found.item.reasons,
        "features": [
            {
                "name": name,
                "value": value,
                "weight": found.weights[name],
                "contribution": value * found.weights[name],
            }
            for name, value in found.features.items()
        ],
        "factors": [{"name": name, "value": value} for name, value in found.factors.items()],
        "score": found.item.score,
        "exploration": {
            "propensity": found.propensity,
            "text": CHANCE if found.is_explored else NO_CHANCE,
        },
    }


class PoliciesView(APIView):
    @extend_schema(operation_id="list_ranking_policies", tags=TAG, responses=PoliciesSerializer)
    def get(self, request: Request) -> Response:
        """Return the ways of ranking that are in use, in words and numbers."""
        rows = [policies.described(policy) for policy in [*choosing.active(), *policies.FIXED]]
        return Response(PoliciesSerializer({"results": rows, "next": None, "previous": None}).data)


class SearchProductsView(APIView):
    @extend_schema(
        operation_id="search_products",
        tags=TAG,
        parameters=[ProductSearchQuery],
        responses=ProductHitsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Find products by name, brand, category and description, best match first; one page.

        Words are understood as in the search over notes: completed, corrected, with synonyms.
        """
        query = asked(ProductSearchQuery, request)
        found = products.search_products(query=query["q"], limit=query["page_size"])
        body: dict[str, Any] = {"results": found.products, "next": None, "previous": None}
        if found.corrected_query:
            body["corrected_query"] = found.corrected_query
        return Response(ProductHitsSerializer(body, context={"request": request}).data)


class SuggestView(APIView):
    @extend_schema(
        operation_id="suggest_searches",
        tags=TAG,
        parameters=[SuggestQuery],
        responses=SuggestionsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Complete what is being typed: one's own searches, topics, brands, products, words, notes.

        The last word may be unfinished anywhere in a title, and mistyped.
        """
        prefix = asked(SuggestQuery, request)["q"]
        found = suggest.complete(prefix=prefix, viewer=viewer_of(request), at=timezone.now())
        return Response(SuggestionsSerializer({"results": found}).data)


class PastSearchesView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="list_own_searches", tags=TAG, responses=PastSearchesSerializer)
    def get(self, request: Request) -> Response:
        """Return what one searched for, each query once, the latest first."""
        rows = history.past(person_id=me(request))
        return Response(
            PastSearchesSerializer({"results": rows, "next": None, "previous": None}).data
        )

    @extend_schema(operation_id="forget_own_searches", tags=TAG, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Forget all that one searched for."""
        history.forget_all(person_id=me(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PastSearchView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="forget_own_search", tags=TAG, responses={204: None})
    def delete(self, request: Request, search_id: int) -> Response:
        """Forget a query, however often one searched for it."""
        history.forget_one(person_id=me(request), search_id=search_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TrendingView(APIView):
    @extend_schema(operation_id="list_trending_searches", tags=TAG, responses=TrendsSerializer)
    def get(self, request: Request) -> Response:
        """Return what most people search for, and the topics most written about."""
        body = {
            "results": trending.trending(at=timezone.now()),
            "definition": trending.DEFINITION,
        }
        return Response(TrendsSerializer(body).data)
