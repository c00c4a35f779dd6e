"""Every address of the project, and an authenticated view that does nothing, to compare with."""

from django.urls import path
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config import urls


class EmptyView(APIView):
    """Costs what every call costs: the server, the middleware, the token, a little JSON."""

    permission_classes = [IsAuthenticated]

    def get(self, request: Request) -> Response:
        return Response({})


urlpatterns = [path("api/v1/bench/empty", EmptyView.as_view()), *urls.urlpatterns]
handler400, handler404, handler500 = urls.handler400, urls.handler404, urls.handler500
