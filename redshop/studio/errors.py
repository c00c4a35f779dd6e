"""What the studio refuses."""

from redshop.core.errors import DomainError


class DraftStateForbids(DomainError):
    """The draft's present state does not allow this."""

    code = "draft_state"
    status = 409


class DraftNotCompliant(DomainError):
    """The draft breaks a rule; mend what its check says first."""

    code = "draft_not_compliant"
    status = 422


class NotOfTheBrand(DomainError):
    """Only people who work for the brand may do this in its name."""

    code = "not_of_the_brand"
    status = 403


class NothingToTry(DomainError):
    """A trial needs at least two published variants of the brief."""

    code = "nothing_to_try"
    status = 409


class TrialStateForbids(DomainError):
    """There is a trial of this brief that runs, or none."""

    code = "trial_state"
    status = 409


class WriterUnknown(DomainError):
    """There is no writer of this name, or it is not set up here."""

    code = "writer_unknown"
    status = 422
