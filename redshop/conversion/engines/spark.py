"""Questions over a lake that outgrew one machine, answered by a cluster of Spark.

The driver runs here; masters and workers are Spark's own. Workers read the lake and the folder of
the question themselves, so both must lie where all of them reach.
"""

import csv
import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.conf import settings

from redshop.conversion.engines import answers, duck, relations
from redshop.conversion.engines.dialects import Dialect, said_in
from redshop.conversion.engines.relations import EVENTS, NOTHING
from redshop.conversion.rules import TOUCHES, shares
from redshop.conversion.types import AttributionModel

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: Spark does not know the UUIDs of Parquet; their bytes are ordered as PostgreSQL orders them.
_TYPES: Final = {"UUID": "BINARY", "VARCHAR": "STRING", "TIMESTAMPTZ": "TIMESTAMP"}
_SETTINGS: Final = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}


class SparkMissing(Exception):
    """The package pyspark is not installed: pip install pyspark (or make pyspark)."""


@contextmanager
def session() -> Iterator["SparkSession"]:
    """Open a session on the cluster that the settings name; close it afterwards.

    Raises:
        SparkMissing: pyspark is not installed.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise SparkMissing from error
    logging.getLogger("py4j").setLevel(logging.WARNING)
    builder = SparkSession.builder.appName("redshop").master(settings.SPARK_MASTER)
    for name, value in {**_SETTINGS, **settings.SPARK_OPTIONS}.items():
        builder = builder.config(name, value)
    opened = builder.getOrCreate()
    try:
        yield opened
    finally:
        opened.stop()


@contextmanager
def credited(*, lines: str, values: Mapping[str, Any], model: AttributionModel) -> Iterator[str]:
    """Credit the conversions in question anew, as ``duck.credited`` does, on a cluster.

    Raises:
        SparkMissing: pyspark is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="redshop-question-") as folder:
        answer = Path(folder) / "answer.csv"
        with session() as spark, asked(spark, lines=lines, values=values):
            said = said_in(Dialect.SPARK, shares((model,)))
            found = spark.sql(f"SELECT {', '.join(answers.CREDIT)} FROM ({said}) AS answer")  # noqa: S608 - constants
            _write(found, answer)
        with answers.table_of(answer) as table:
            yield table


@contextmanager
def asked(spark: "SparkSession", *, lines: str, values: Mapping[str, Any]) -> Iterator[None]:
    """Let a session know every relation of a question, and the touches as ``path``."""
    Path(settings.SPARK_FOLDER).mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="question-", dir=settings.SPARK_FOLDER)
    try:
        with duck.asked(lines=lines, values=values) as question:
            live = relations.live_events(lines=lines, but_not=[])
            for relation in [*relations.relations(lines=lines), live]:
                file = f"{folder}/{relation.name}.parquet"
                question.database.execute(f"COPY {relation.name} TO '{file}' (FORMAT parquet)")
                _read(spark, relation.columns, [file]).createOrReplaceTempView(relation.name)
            files = question.files
        events = spark.table(live.name)
        if files:
            events = events.union(_read(spark, EVENTS, files))
        events.where(
            f"note_id IS NOT NULL AND kind IN ({relations.KINDS})"
        ).createOrReplaceTempView("events_event")
        spark.sql(said_in(Dialect.SPARK, TOUCHES)).cache().createOrReplaceTempView("path")
        yield
    finally:
        shutil.rmtree(folder)


def _read(spark: "SparkSession", columns: Mapping[str, str], files: list[str]) -> "DataFrame":
    kinds = ", ".join(f"{name} {_TYPES.get(kind, kind)}" for name, kind in columns.items())
    there = [file.replace("s3://", "s3a://", 1) for file in files]
    return spark.read.schema(kinds).parquet(*there)


def _write(found: "DataFrame", target: Path) -> None:
    with target.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for row in found.toLocalIterator():
            writer.writerow([_plain(value) for value in row])


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return UUID(bytes=bytes(value))
    return NOTHING if value is None else value
