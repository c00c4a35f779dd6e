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
