"""What the catalogue refuses."""

from redshop.core.errors import DomainError


class OutOfStock(DomainError):
    """Some of what is in the cart is no longer available in that quantity."""

    code = "out_of_stock"
    status = 409


class MediaTooLarge(DomainError):
    """The file has more bytes than are taken for its kind."""

    code = "too_large"
    status = 413


class MediaTypeUnsupported(DomainError):
    """Pictures are taken as JPEG, PNG or WebP, videos as MP4 or WebM."""

    code = "unsupported_media_type"
    status = 415


class MediaTypeMismatch(DomainError):
    """The bytes of the file are of another type than was declared."""

    code = "media_type_mismatch"


class MediaTooManyPixels(DomainError):
    """The picture has more pixels than are taken; send a smaller one."""

    code = "media_too_many_pixels"


class MediaUnreadable(DomainError):
    """The file is damaged or is not what its first bytes say."""

    code = "media_unreadable"


class MediaManifestForged(DomainError):
    """The manifest in the picture's metadata is not what was sealed here, or of another picture."""

    code = "media_manifest_forged"
    status = 422


class AddressRefused(DomainError):
    """Pictures are fetched from http and https addresses of the public internet only."""

    code = "address_refused"
    status = 422


class NotFetched(DomainError):
    """There is nothing at this address that could be fetched."""

    code = "not_fetched"
    status = 422


class CountedBelowReserved(DomainError):
    """Placed orders hold more units than were counted; cancel some of them first."""

    code = "counted_below_reserved"
    status = 409
