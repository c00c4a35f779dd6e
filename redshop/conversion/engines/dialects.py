"""The rules, written in the words of PostgreSQL, in those of other engines."""

from enum import StrEnum
from functools import cache

import sqlglot
from sqlglot import exp


class Dialect(StrEnum):
    """An engine, by the name that sqlglot knows it by."""

    DUCKDB = "duckdb"
    SPARK = "spark"


@cache
def said_in(dialect: Dialect, statement: str) -> str:
    """Return a statement of ``rules`` as another engine wants it.

    Beyond what sqlglot translates by itself: a division of whole numbers, which PostgreSQL knows by
    their types alone, is said to be one; the seconds between two moments are told from whole
    microseconds, so that every engine comes to the same double; Spark, which has no UUIDs, takes
    their bytes.
    """
    tree = sqlglot.parse_one(statement, read="postgres")
    for seconds in tree.find_all(exp.Extract):
        seconds.replace(_seconds(seconds))
    if dialect == Dialect.SPARK:
        for kind in tree.find_all(exp.DataType):
            if kind.is_type(exp.DataType.Type.UUID):
                kind.replace(exp.DataType.build("BINARY"))
    for division in list(tree.find_all(exp.Div)):
        if not _is_real(division.this) and not _is_real(division.expression):
            division.replace(exp.IntDiv(this=division.this, expression=division.expression))
    return tree.sql(dialect.value)


def _is_real(operand: exp.Expression) -> bool:
    return isinstance(operand, exp.Cast) and operand.is_type(exp.DataType.Type.DOUBLE)


def _seconds(extract: exp.Extract) -> exp.Expression:
    """Return EXTRACT(EPOCH FROM later - earlier) as a double, by way of microseconds.

    Raises:
        ValueError: it is another extract than the rules need.
    """
    between = extract.expression
    if extract.name.upper() != "EPOCH" or not isinstance(between, exp.Sub):
        raise ValueError(f"no engine but PostgreSQL is told how to {extract.sql()}")
    micros = exp.Sub(this=_micros(between.this), expression=_micros(between.expression))
    return exp.Div(
        this=exp.cast(exp.paren(micros), "DOUBLE"), expression=exp.cast("1000000", "DOUBLE")
    )


def _micros(moment: exp.Expression) -> exp.Expression:
    return exp.UnixMicros(this=moment.copy())
