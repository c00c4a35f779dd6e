"""Vectors of notes by COPY, for systems that would take an hour to encode what is made up."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

#: Ids and float[n, 128], each of length one.
Rows = tuple[NDArray[np.int64], NDArray[np.float64]]


def of_length_one(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    return raw / np.linalg.norm(raw, axis=1, keepdims=True)


def write(parts: Iterable[Rows], *, encoder_id: int | None, is_indexed: bool) -> None:
    """Replace the vectors of all notes; without an index they are found by their notes alone."""
    from django.db import connection
    from pgvector import HalfVector
    from pgvector.psycopg import register_vector

    connection.ensure_connection()
    register_vector(connection.connection)
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX note_vector_near")
        cursor.execute("TRUNCATE notes_notevector")
        command = "COPY notes_notevector (note_id, vector, encoder_id) FROM STDIN"
        with cursor.copy(f"{command} WITH (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "halfvec", "int8"])
            for ids, rows in parts:
                for note_id, row in zip(ids.tolist(), rows, strict=True):
                    copy.write_row((note_id, HalfVector(row), encoder_id))
        if is_indexed:
            cursor.execute("SET maintenance_work_mem = '2GB'")
            cursor.execute(
                "CREATE INDEX note_vector_near ON notes_notevector USING hnsw"
                " (vector halfvec_cosine_ops) WITH (m = 16, ef_construction = 64)"
            )
