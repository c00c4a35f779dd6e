"""Whole purchases: which processor time is counted, and which statements."""

from benchmarks import flows, statements

LOG = """
redshop web|LOG:  statement: BEGIN
redshop web|LOG:  execute _pg3_1: SELECT 1
\tFROM core_fact
redshop web|DETAIL:  Parameters: $1 = '1'
redshop worker|LOG:  execute <unnamed>: UPDATE core_fact SET done_at = $1
redshop web|LOG:  statement: COMMIT
redshop bell|LOG:  statement: SELECT 2
|LOG:  statement: SELECT 3
"""


def test_statements_are_counted_by_role_apart_from_what_begins_and_ends() -> None:
    counts = statements.counted(LOG, flows=1)

    assert counts.asked == {"web": 1, "worker": 1, "bell": 1}
    assert counts.control == {"web": 2}
    assert counts.total == 2


def test_the_sandbox_and_the_broker_are_not_ours() -> None:
    cpu = {"web": 8.0, "worker": 2.0, "bell": 0.5, "beat": 0.25, "postgres": 4.0}
    row = flows.Row(8, 100, 50.0, 1.0, 2.0, {**cpu, "valkey": 64.0, "sandbox": 128.0})

    assert row.ours_ms == 14.75
    assert flows.table([row]).splitlines()[1].split()[:6] == [
        "8", "100", "50.0", "1.0", "2.0", "14.75",
    ]  # fmt: skip
