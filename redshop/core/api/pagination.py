"""Pages: results, next and previous, by cursor."""

from typing import Any

from rest_framework.pagination import CursorPagination


class CursorPage(CursorPagination):
    """Twenty rows a page by default, a hundred at most; newest first unless a view says else."""

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100
    ordering: Any = "-pk"
