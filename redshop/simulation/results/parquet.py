"""The replications of a comparison as one Parquet file of the lake, for whoever analyses further.

A row is the value of one metric in one arm of one world: ``comparison, scenario, seed, key, value,
replication, arm, metric, simulated``; ``key`` and ``value`` name the assumption that was changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from redshop.events.lake.storage import duck, storage
from redshop.simulation.arrays.replication import Replication

_COLUMNS: Final = (
    "comparison", "scenario", "seed", "key", "value", "replication", "arm", "metric", "simulated",
)  # fmt: skip


def write(
    comparison_id: int,
    document: Mapping[str, Any],
    replications: Mapping[tuple[str, float], Sequence[Replication]],
) -> str:
    """Bring the replications into the lake; return where they lie below its root."""
    head = (comparison_id, document["scenario"], document["seed"])
    rows = [(*head, *row) for row in _rows(replications)]
    columns = zip(_COLUMNS, zip(*rows, strict=True), strict=True)
    told = {name: np.array(values) for name, values in columns}
    path = f"simulation_comparison/comparison-{comparison_id}.parquet"
    with TemporaryDirectory() as folder:
        file = Path(folder) / "rows.parquet"
        storage().put(file, path, rows=write_table(told, file))
    return path


def write_table(columns: Mapping[str, Any], file: Path) -> int:
    """Write arrays of one length as the columns of a Parquet file; return how many rows it has."""
    with duck() as database:
        database.register("told", dict(columns))
        database.execute("COPY (FROM told) TO ? (FORMAT parquet, COMPRESSION zstd)", [str(file)])
    return len(next(iter(columns.values())))


def remove(path: str) -> None:
    """Remove the file of a comparison, where it has one."""
    if path:
        storage().remove(path)


def _rows(
    replications: Mapping[tuple[str, float], Sequence[Replication]],
) -> Iterator[tuple[str, float, int, str, str, float]]:
    for (key, value), done in replications.items():
        for each in done:
            for arm, metrics in each.metrics.items():
                for metric, simulated in metrics.items():
                    yield key, value, each.number, arm, metric, float(simulated)
