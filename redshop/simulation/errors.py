"""Why a population cannot be brought to life."""

from collections.abc import Sequence

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


class ScenarioInvalid(DomainError):
    """A scenario says something that no scenario can."""

    code = "scenario_invalid"
    status = 400

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class RunInProgress(DomainError):
    """A simulation is running on this database at this moment."""

    code = "run_in_progress"
    status = 409
