"""Celery's way in: replications are lived by simulators, workers with a queue of their own."""

from typing import Any, Final

from celery import current_app, shared_task

from redshop.core.tasks import hanging_bells
from redshop.simulation.services import comparisons

#: The queue of simulators.
QUEUE: Final = "simulation"
#: So many rings wait for simulators at most; each of those rings again when it has lived one.
MOST_HANGING: Final = 16
#: A replication may take long, and does no harm where it does: it holds no transaction.
LONGEST_SECONDS: Final = 86_400


@shared_task(name="redshop.simulation.tasks.ring")
def ring(**_newer: Any) -> None:
    """Wake simulators where there is something to live; a lost or repeated ring is harmless."""
    if not (wanted := comparisons.wanted()):
        return
    with current_app.connection_for_write() as broker:
        hanging = hanging_bells(connection=broker, queue_name=QUEUE)
        line = current_app.amqp.Producer(broker)
        for _ in range(min(wanted, MOST_HANGING) - hanging):
            live.apply_async(producer=line)


@shared_task(
    name="redshop.simulation.tasks.live",
    acks_late=False,
    time_limit=LONGEST_SECONDS,
    soft_time_limit=LONGEST_SECONDS,
)
def live(**_newer: Any) -> None:
    """Live one replication, and see that the next one is lived."""
    from redshop.simulation.services import replicates  # compiles: not for other workers

    replicates.advance_all()
    if replicates.live_next():
        live.apply_async()
