"""Threads that do things at the same moment, each on a connection of its own."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection


def at_once(works: Sequence[Callable[[], Any]]) -> Counter[str]:
    """Run each work in a thread of its own, all from one moment; count how they ended: what they
    returned, as text, or the name of what they raised."""
    barrier = threading.Barrier(len(works))
    ends: list[str] = []

    def run(work: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            ends.append(str(work()))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
            ends.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return Counter(ends)
