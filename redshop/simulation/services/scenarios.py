"""Scenarios that are written in the admin, and those of the project beside them."""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from redshop.core.db import requires_transaction
from redshop.simulation import scenario as files
from redshop.simulation.errors import ScenarioInvalid
from redshop.simulation.models import WrittenScenario
from redshop.simulation.scenario import Scenario, parse, ready
from redshop.simulation.services import comparisons


def named(name: str) -> Scenario:
    """Return a scenario of the project, one that was written in the admin, or one in a file.

    Raises:
        ScenarioInvalid: there is none.
    """
    written = WrittenScenario.objects.filter(name=name, is_ready=False).first()
    return files.find(name) if written is None else parse(written.text)


def checked(text: str, *, scenario_id: int | None = None) -> Scenario:
    """Return the scenario that a text is.

    Raises:
        ScenarioInvalid: it is none, names what is not there, or has the name of another.
    """
    found = parse(text)
    comparisons.check(found)
    others = WrittenScenario.objects.filter(name=found.name).exclude(pk=scenario_id or 0)
    if found.name in ready() or others.exists():
        raise ScenarioInvalid([f"name must be another: there is a scenario {found.name!r}"])
    return found


@requires_transaction
def write(written: WrittenScenario, *, text: str, at: datetime) -> None:
    """Write a scenario, or write it anew.

    Raises:
        ScenarioInvalid: see ``checked``.
    """
    found = checked(text, scenario_id=written.pk)
    written.name, written.question = found.name, found.question[:300]
    written.text, written.changed_at = text, at
    written.save()


@transaction.atomic
def bring_ready(model: type[Any], *, at: datetime) -> None:
    """Keep the scenarios of the project's files among those that are written.

    Args:
        model: ``WrittenScenario``, as a migration knows it.
    """
    kept = {row.name: row for row in model.objects.filter(is_ready=True)}
    for name, scenario in ready().items():
        text = (Path(files.FOLDER) / f"{name}.toml").read_text(encoding="utf-8")
        if (row := kept.pop(scenario.name, None)) is None or row.text != text:
            model.objects.update_or_create(
                name=scenario.name,
                defaults={
                    "question": scenario.question[:300],
                    "text": text,
                    "is_ready": True,
                    "changed_at": at,
                },
            )
    model.objects.filter(pk__in=[row.pk for row in kept.values()]).delete()
