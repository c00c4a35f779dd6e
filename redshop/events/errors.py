"""Why a whole batch is refused; a bad row only refuses itself."""

from redshop.core.errors import DomainError


class BatchTooLarge(DomainError):
    """A batch has at most 1,000 events and 1 MiB, unpacked."""

    code = "too_large"
    status = 413
