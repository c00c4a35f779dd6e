"""What can happen, where, and who may say so."""

from typing import Final

from django.db import models


class EventKind(models.TextChoices):
    """What happened."""

    IMPRESSION = "impression"
    NOTE_OPEN = "note_open"
    READ = "read"
    PRODUCT_VIEW = "product_view"
    SCREENSHOT = "screenshot"
    SEARCH_SUBMIT = "search_submit"
    LIKE = "like"
    SAVE = "save"
    COMMENT = "comment"
    SHARE = "share"
    FOLLOW = "follow"
    HIDE = "hide"
    CART_ADD = "cart_add"
    CHECKOUT = "checkout"
    ORDER_PAID = "order_paid"
    ORDER_REFUNDED = "order_refunded"
    LINK_OUT = "link_out"


#: What only the client can know; everything else is recorded by the server as it becomes true.
CLIENT_KINDS: Final = frozenset(
    {
        EventKind.IMPRESSION,
        EventKind.NOTE_OPEN,
        EventKind.READ,
        EventKind.PRODUCT_VIEW,
        EventKind.SCREENSHOT,
        EventKind.SEARCH_SUBMIT,
    }
)


class Surface(models.TextChoices):
    """Where on the screen it happened."""

    EXPLORE = "explore"
    FOLLOWING = "following"
    SEARCH = "search"
    RELATED = "related"
    PROFILE = "profile"
    TOPIC = "topic"
    PRODUCT = "product"
    SHARE = "share"
    DIRECT = "direct"


class Source(models.TextChoices):
    """Who recorded it."""

    CLIENT = "client"
    SERVER = "server"
    IMPORT = "import"
