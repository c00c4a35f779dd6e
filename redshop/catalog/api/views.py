"""The catalogue over HTTP, and the uploads."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from redshop.catalog import selectors
from redshop.catalog.api.filters import ORDERINGS, ProductQuery, narrow
from redshop.catalog.api.serializers import (
    BrandSerializer,
    MediaSerializer,
    ProductSerializer,
    ShelvesSerializer,
    UploadSerializer,
)
from redshop.catalog.errors import MediaTooLarge
from redshop.catalog.models import Brand, Product
from redshop.catalog.services import media
from redshop.core.api.caching import UNCHANGED, conditional
from redshop.core.api.pagination import CursorPage

#: What a multipart body may weigh beyond its file.
ENVELOPE_BYTES = 64 * 1024


class ProductPage(CursorPage):
    def get_ordering(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> tuple[str, ...]:
        """Return what ``ordering`` names; the view has validated it."""
        return (ORDERINGS[request.query_params.get("ordering") or "newest"],)


@extend_schema_view(
    get=extend_schema(operation_id="list_products", tags=["catalogue"], parameters=[ProductQuery])
)
class ProductsView(ListAPIView[Product]):
    """What is for sale; filters narrow it, ``ordering`` sorts it."""

    serializer_class = ProductSerializer
    pagination_class = ProductPage

    def get_queryset(self) -> QuerySet[Product]:
        # as a plain dict: in a form, DRF takes a missing flag for an unticked one
        query = ProductQuery(data=self.request.query_params.dict())
        query.is_valid(raise_exception=True)
        return narrow(Product.objects.listed().with_price().as_cards(), query.validated_data)

    def paginate_queryset(self, queryset: Any) -> list[Any]:
        page = super().paginate_queryset(queryset) or []
        self.counts = selectors.notes_counts(product_ids=[product.pk for product in page])
        return page

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "notes_counts": getattr(self, "counts", {})}


@extend_schema_view(
    get=extend_schema(
        operation_id="get_product",
        tags=["catalogue"],
        responses={200: ProductSerializer, 304: UNCHANGED},
    )
)
class ProductView(RetrieveAPIView[Product]):
    """One product with its variants, prices and stock."""

    serializer_class = ProductSerializer

    def get_queryset(self) -> QuerySet[Product]:
        return Product.objects.listed().as_cards()

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return conditional(request, super().retrieve(request, *args, **kwargs).data)

    def get_serializer_context(self) -> dict[str, Any]:
        counts = selectors.notes_counts(product_ids=[self.kwargs["pk"]])
        return {**super().get_serializer_context(), "notes_counts": counts}


class BrandPage(CursorPage):
    ordering = "name"


@extend_schema_view(get=extend_schema(operation_id="list_brands", tags=["catalogue"]))
class BrandsView(ListAPIView[Brand]):
    """The brands by name."""

    serializer_class = BrandSerializer
    pagination_class = BrandPage
    queryset = Brand.objects.select_related("logo")


@extend_schema_view(
    get=extend_schema(
        operation_id="get_brand",
        tags=["catalogue"],
        responses={200: BrandSerializer, 304: UNCHANGED},
    )
)
class BrandView(RetrieveAPIView[Brand]):
    """One brand and its story."""

    serializer_class = BrandSerializer
    queryset = Brand.objects.select_related("logo")

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return conditional(request, super().retrieve(request, *args, **kwargs).data)


class CategoriesView(APIView):
    """The shelves of the catalogue."""

    @extend_schema(operation_id="list_categories", tags=["catalogue"], responses=ShelvesSerializer)
    def get(self, request: Request) -> Response:
        """Return the whole tree, in the envelope of a list that has one page."""
        tree = {"results": selectors.category_tree(), "next": None, "previous": None}
        return Response(ShelvesSerializer(tree).data)


class MediaView(APIView):
    """Pictures (JPEG, PNG, WebP to 20 MB) and videos (MP4, WebM to 100 MB)."""

    permission_classes = [IsAuthenticated]
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="upload_media",
        tags=["notes"],
        request={"multipart/form-data": UploadSerializer},
        responses={201: MediaSerializer},
    )
    def post(self, request: Request) -> Response:
        """Upload a picture or a video, to be put into a note.

        Place, camera and whatever else was written into the file are left out of what is kept.
        """
        if int(request.META.get("CONTENT_LENGTH") or 0) > media.MOST_BYTES + ENVELOPE_BYTES:
            raise MediaTooLarge
        upload = UploadSerializer(data=request.data)
        upload.is_valid(raise_exception=True)
        stored = media.store(
            owner_id=request.user.pk, upload=upload.validated_data["file"], at=timezone.now()
        )
        shown = MediaSerializer(stored, context={"request": request})
        return Response(shown.data, status=status.HTTP_201_CREATED)
