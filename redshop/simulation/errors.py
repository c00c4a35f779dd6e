"""Why a population cannot be brought to life."""

from redshop.core.errors import DomainError


class AlreadyPopulated(DomainError):
    """A simulated population lives here already; add another one with --again and its own seed."""

    code = "already_populated"
    status = 409


class SeedTaken(DomainError):
    """A population of this seed lives here already; choose another seed."""

    code = "seed_taken"
    status = 409


class RunInterrupted(DomainError):
    """An earlier simulation with other settings was interrupted; continue it or use --again."""

    code = "run_interrupted"
    status = 409


class RunInProgress(DomainError):
    """A simulation is running on this database at this moment."""

    code = "run_in_progress"
    status = 409
