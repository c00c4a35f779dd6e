"""Why a whole batch is refused; a bad row only refuses itself."""

from redshop.core.errors import DomainError


class BatchTooLarge(DomainError):
    """A batch has at most 1,000 events and 1 MiB, unpacked."""

    code = "too_large"
    status = 413


class MonthIsArchived(DomainError):
    """This month of the log lies in the lake alone; restore it before anything is written to it."""

    code = "month_archived"
    status = 409
