"""Who is alive but does not work."""

import os
from pathlib import Path

import pytest

from config import embedded, watch
from config.roles import ROLES, Role
from config.supervisor import Player
from config.watch import Watch

WEB, WORKER, _SIMULATOR, BELL, BEAT = ROLES


class Pretended(Player):
    """A process that is there, of an age, with or without a heartbeat."""

    def __init__(self, role: Role, *, age_seconds: float) -> None:
        super().__init__(role, arguments=(), environment={})
        self.age = age_seconds

    @property
    def pid(self) -> int:
        return 4_000_000  # none has this number

    @property
    def age_seconds(self) -> float:
        return self.age


@pytest.fixture(autouse=True)
def quiet_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No facts, no servers to hold, no web, and a heart that never beat."""
    monkeypatch.setattr(embedded, "STATE_DIR", tmp_path)
    monkeypatch.setattr(embedded, "keep", lambda: None)
    monkeypatch.setattr(watch, "facts_are_stuck", lambda: False)
    monkeypatch.setattr(watch, "answers", lambda *_: False)


def found(*players: Player, looks: int) -> list[tuple[str, str]]:
    looking = Watch(players, host="127.0.0.1", port=1)
    for _ in range(looks):
        looking.look()
    return [looking.findings.get_nowait() for _ in range(looking.findings.qsize())]


def test_who_drains_is_found_when_facts_stay_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "facts_are_stuck", lambda: True)
    monkeypatch.setattr(watch, "STUCK_SECONDS", -1.0)

    grown = [Pretended(role, age_seconds=30) for role in (WORKER, BELL, BEAT)]

    reason = "facts are overdue and none gets done"
    assert found(*grown, looks=1) == [("worker", reason), ("bell", reason)]


def test_facts_that_were_stuck_at_one_look_may_get_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "facts_are_stuck", lambda: True)

    assert found(Pretended(WORKER, age_seconds=30), looks=2) == []


def test_who_just_began_has_time_to_show_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "facts_are_stuck", lambda: True)
    monkeypatch.setattr(watch, "STUCK_SECONDS", -1.0)

    assert found(Pretended(WORKER, age_seconds=10), looks=3) == []


def test_silence_is_borne_for_a_while_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = Pretended(BEAT, age_seconds=60)
    deaf = Pretended(WEB, age_seconds=60)
    assert found(silent, deaf, looks=2) == []

    monkeypatch.setattr(watch, "PATIENCE_SECONDS", -1.0)

    assert found(silent, deaf, looks=1) == [
        ("beat", "its heart does not beat"),
        ("web", "it does not answer"),
    ]


def test_a_heart_that_beats_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PATIENCE_SECONDS", -1.0)
    lively = Pretended(BEAT, age_seconds=60)
    lively.heartbeat.parent.mkdir(parents=True)
    lively.heartbeat.touch()

    watching = Watch([lively], host="127.0.0.1", port=1)

    for beat in range(3):
        os.utime(lively.heartbeat, ns=(beat, beat))
        watching.look()

    assert watching.findings.empty()
