"""What experiments hold about people, and how they let go of them."""

from datetime import datetime
from uuid import uuid4

from redshop.core.data_map import Erasure, Leaving, describe, erases
from redshop.events.models import Identity
from redshop.experiments.models import Exposure

describe(
    "experiments.Experiment",
    plain="id key name hypothesis salt share primary_metric state created_at started_at stopped_at",
)
describe("experiments.Arm", plain="id experiment key weight is_control")
describe(
    "experiments.Exposure",
    whose="person_id",
    device="visitor_id",
    erasure=Erasure.BY_HAND,
    kept="as long as the experiment",
    key="person_id",
    identifies="visitor_id",
    about="experiment arm exposed_at",
    plain="id population",
)


@erases
def rename_devices(person: Leaving, at: datetime) -> None:
    """Let each arm keep who was shown it: a device becomes one that nobody has."""
    Exposure.objects.filter(person_id=person.person_id).update(visitor_id=None)
    as_visitor = Exposure.objects.filter(person_id=None, visitor_id__in=person.visitor_ids)
    for exposure in as_visitor:
        nobodys = Identity(visitor_id=uuid4(), person_id=person.person_id, joined_at=at)
        nobodys.save(force_insert=True)
        Exposure.objects.filter(pk=exposure.pk).update(visitor_id=nobodys.visitor_id)
