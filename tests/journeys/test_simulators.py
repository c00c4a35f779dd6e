"""Worlds lived by Celery workers that are killed meanwhile: the same document, to the byte."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest
from django.core.management import call_command

from tests.journeys.system import ROOT, Living, living_system

pytestmark = [pytest.mark.processes, pytest.mark.django_db]

KILLS: Final = 4
REPLICATIONS: Final = 12
SCENARIO: Final = """
name = "trial"
question = "What if videos were liked as much as pictures?"
metric = "open_rate"
windows = [7]
[population]
people = 1_500
days = 8
[attention]
exposures_thinned = 3
[arms.as_assumed]
[arms.equal.trust]
video = 0.0
"""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living_system(tmp_path_factory.mktemp("simulators")) as living:
        yield living


def test_who_lives_a_world_and_who_dies_over_it_changes_no_number(
    system: Living, tmp_path: Path
) -> None:
    file, here, there = (tmp_path / name for name in ("trial.toml", "here.json", "there.json"))
    file.write_text(SCENARIO, encoding="utf-8")
    arguments = ["simulate", str(file), f"--replications={REPLICATIONS}"]
    call_command(*arguments, json_file=here)

    comparing = subprocess.Popen(
        [sys.executable, "manage.py", *arguments, "--workers=2", f"--json={there}"],
        cwd=ROOT,
        env={
            **system.environment,
            "DATABASE_URL": system.said["database_url"],
            "REDIS_URL": system.said["broker_url"],
            "BROKER_URL": system.said["broker_url"],
        },
    )
    killed = kill_whoever_lives_one(system, comparing)

    assert comparing.wait(timeout=240) == 0
    assert len(killed) == KILLS
    assert json.loads(there.read_text("utf-8")) == json.loads(here.read_text("utf-8"))
    [(starts, count)] = system.rows("SELECT sum(attempts), count(*) FROM simulation_replicate")
    assert count == REPLICATIONS
    assert starts > count  # somebody did die over one


def kill_whoever_lives_one(
    system: Living, comparing: subprocess.Popen[bytes]
) -> list[psutil.Process]:
    """SIGKILL processes that live a replication, one after another."""
    chance = random.Random(5)  # noqa: S311 - a repeatable disorder, not a secret
    lives = "SELECT count(*) FROM simulation_replicate WHERE attempts > 0 AND done_at IS NULL"
    killed: list[psutil.Process] = []
    while comparing.poll() is None and len(killed) < KILLS:
        if system.rows(lives) > [(0,)]:
            leaders = [*psutil.Process(comparing.pid).children(), *system.processes("simulator")]
            victims = [child for leader in leaders for child in leader.children()]
            victims += leaders[1:]
            victim = chance.choice(victims)
            victim.kill()
            killed.append(victim)
        time.sleep(chance.uniform(0.5, 1.5))
    return killed
