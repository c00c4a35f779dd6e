"""What statistics refuse."""

from typing import ClassVar

from redshop.core.errors import DomainError


class NotYours(DomainError):
    """These statistics are for analysts, for members of the brand, and for authors of notes."""

    code: ClassVar[str] = "forbidden"
    status: ClassVar[int] = 403


class MarkovByNote(DomainError):
    """To an author, removal effects are told of their notes: ask for group_by=note."""

    code: ClassVar[str] = "markov_by_note"


class SumsPending(DomainError):
    """Sums have not read yet whose device this is; they will in seconds."""

    code = "sums_pending"
    status = 409
    retry_after = 5
