"""The same rules on a cluster of Spark: a master and two workers, each a process of its own."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from redshop.conversion.engines import spark
from redshop.conversion.engines.dialects import Dialect, said_in
from redshop.conversion.rules import SHARES
from redshop.conversion.types import AttributionModel, Engine
from redshop.core.db import snapshot
from redshop.events.lake import months
from redshop.events.models import ArchivedMonth
from tests.conversion.test_attribution_statistics import ask
from tests.conversion.test_engines import ALL, Row, by_postgresql, lake, with_refunds
from tests.conversion.world import DAY, NOW

pytestmark = [pytest.mark.spark, pytest.mark.processes, pytest.mark.django_db(transaction=True)]
__all__ = ["lake"]


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A master and two workers; yields the master's address."""
    folder = tmp_path_factory.mktemp("cluster")
    kind = "org.apache.spark.deploy.{0}.{1}"
    running = [start(folder, kind.format("master", "Master"), "--port", "0", "--webui-port", "0")]
    try:
        address = said(folder / "0.log", r"Starting Spark master at (spark://\S+)")
        for _ in range(2):
            where = ["--cores", "1", "--memory", "1g", "--webui-port", "0"]
            running.append(start(folder, kind.format("worker", "Worker"), *where, address))
        for number in (1, 2):
            said(folder / f"{number}.log", r"Successfully registered with (master)")
        yield address
    finally:
        for process in running:
            process.kill()
            process.wait()


def start(folder: Path, role: str, *arguments: str) -> subprocess.Popen[bytes]:
    import pyspark

    number = len(list(folder.glob("*.log")))
    log: IO[bytes] = (folder / f"{number}.log").open("wb")
    command = [f"{Path(pyspark.__file__).parent}/bin/spark-class", role, "--host", "127.0.0.1"]
    work = ["--work-dir", str(folder / f"work-{number}")] if "Worker" in role else []
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"}
    with log:
        return subprocess.Popen(
            [*command, *work, *arguments], stdout=log, stderr=log, env=environment
        )


def said(log: Path, what: str) -> str:
    """Wait until a role's log says something."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if found := re.search(what, log.read_text()):
            return found[1]
        time.sleep(0.1)
    pytest.fail(f"{log.name} did not say {what}:\n{log.read_text()[-2_000:]}")


@pytest.fixture(autouse=True)
def _on_the_cluster(
    master: str, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    settings.SPARK_MASTER = master
    settings.SPARK_FOLDER = str(tmp_path / "questions")
    settings.SPARK_OPTIONS = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.executor.memory": "512m",
        "spark.sql.shuffle.partitions": "4",
    }


def by_spark(window_days: int) -> list[Row]:
    values = {"window_days": window_days}
    with snapshot(), spark.session() as session, spark.asked(session, lines=ALL, values=values):
        found = session.sql(said_in(Dialect.SPARK, SHARES)).collect()
        assert len(session._jsc.sc().statusTracker().getExecutorInfos()) == 3  # the driver is one
    return sorted((tuple(map(as_postgresql_says, row)) for row in found), key=str)


def as_postgresql_says(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return spark._plain(value)
    return value.astimezone(NOW.tzinfo) if hasattr(value, "astimezone") else value


def test_a_thousand_histories_come_out_the_same_on_spark(lake: Path) -> None:
    with_refunds(11, orders=1_000)
    there = by_postgresql(12)
    later = NOW + 90 * DAY
    for month in months.closed(at=later):
        if month.year == NOW.year and month.month in (2, 3):
            months.export(month, at=later)
    assert ArchivedMonth.objects.verified().count() == 2

    assert by_spark(12) == there
    assert {row[1] for row in there} == {model.value for model in AttributionModel}


def test_an_answer_says_the_same_whichever_engine_gave_it(lake: Path) -> None:
    with_refunds(14, orders=60)

    answered = [
        ask(window_days=12, model=AttributionModel.SHAPLEY, engine=engine) for engine in Engine
    ]

    assert len(answered) == 3
    assert answered[0] == answered[1] == answered[2]
