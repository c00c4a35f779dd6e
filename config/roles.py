"""The roles that a living system plays, each a command of its own (``manage.py web`` ...)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Role:
    """One kind of process, and how its health shows from outside."""

    name: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Its heart beats while it works (every few seconds); otherwise it beats once, when ready.
    beats: bool = False
    #: Restarted when facts are overdue and none gets done.
    drains: bool = False
    #: Answers at the address of the system.
    answers: bool = False


#: The payment company to try things out with; started where the environment names no other.
SANDBOX: Final = Role("sandbox", arguments=("--port", "{sandbox_port}"), beats=True)
ROLES: Final = (
    Role(
        "web",
        arguments=("--host", "{host}", "--port", "{port}"),
        environment={
            "DATABASE_KEEP": "on",
            "PROMETHEUS_MULTIPROC_DIR": "{scratch}",
            # its arrays are small: threads for each product cost more than they bring
            "OPENBLAS_NUM_THREADS": "1",
        },
        answers=True,
    ),
    Role("worker", environment={"DATABASE_KEEP": "on"}, drains=True),
    # lives replications of scenarios, apart from whoever is waited for
    Role("simulator", environment={"DATABASE_KEEP": "on", "OPENBLAS_NUM_THREADS": "1"}),
    Role("bell", beats=True, drains=True),
    Role("beat", beats=True),
)
