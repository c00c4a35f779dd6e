"""How far a comparison is."""

from dataclasses import dataclass
from typing import Self

from django.db.models import Avg, Count, F, Q

from redshop.simulation.models import Comparison, ComparisonState
from redshop.simulation.services import comparisons


@dataclass(frozen=True, slots=True)
class Progress:
    """Worlds that were lived, are being lived, and are known to be wanted."""

    done: int
    begun: int
    known: int
    seconds: float | None  #: of one world, on average
    hosts: list[str]
    is_of_other_code: bool  #: no simulator of this version goes on with it

    @classmethod
    def of(cls, comparison: Comparison) -> Self:
        """Count the replications of a comparison."""
        found = comparison.replicates.aggregate(
            known=Count("pk"),
            done=Count("pk", filter=Q(done_at__isnull=False)),
            begun=Count("pk", filter=Q(done_at=None, begun_at__isnull=False)),
            each=Avg(F("done_at") - F("begun_at")),
        )
        hosts = comparison.replicates.exclude(host="").values_list("host", flat=True)
        return cls(
            done=found["done"],
            begun=found["begun"],
            known=found["known"],
            seconds=None if found["each"] is None else found["each"].total_seconds(),
            hosts=list(hosts.distinct().order_by("host")),
            is_of_other_code=comparison.state == ComparisonState.RUNNING
            and comparison.code != comparisons.code(),
        )

    @property
    def percent(self) -> int:
        return 100 * self.done // self.known if self.known else 0
