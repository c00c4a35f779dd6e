"""What experiments refuse."""

from redshop.core.errors import DomainError


class NotReady(DomainError):
    """An experiment needs two arms or more, one of them the control, before it starts."""

    code = "experiment_not_ready"
    status = 409


class WrongState(DomainError):
    """This cannot be done with the experiment as it stands."""

    code = "experiment_state"
    status = 409
