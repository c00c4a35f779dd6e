"""Django's PostgreSQL backend, kept open: a health check without a round trip, safe numbers."""

import functools
import select
from contextlib import nullcontext
from typing import Any, Final

from django.db.backends.postgresql import base
from psycopg.adapt import AdaptersMap
from psycopg.types.numeric import Int2, Int2Dumper, Int4, Int4Dumper, Int8, Int8Dumper

#: What a server says to a client that asks nothing: good-bye.
_SAYS_SOMETHING: Final = select.POLLIN | select.POLLHUP | select.POLLERR | select.POLLNVAL


@functools.cache
def _with_whole_numbers_as_text(adapters: AdaptersMap) -> AdaptersMap:
    """Send numbers bound for a column of 16 or 32 bits as text.

    psycopg's binary form cuts a number that is too large without a word (2**63 - 1 arrives as
    -1); PostgreSQL refuses its text.
    """
    safe = AdaptersMap(adapters)
    for kind, dumper in ((Int2, Int2Dumper), (Int4, Int4Dumper), (Int8, Int8Dumper)):
        safe.register_dumper(kind, dumper)
    return safe


#: What ``pgtrigger.ignore`` puts before each statement.
_IGNORE: Final = "SELECT set_config('pgtrigger.ignore', %s, true); "


class Cursor(base.ServerBindingCursor):
    """Prepares what has values: a text without any may be several commands (a migration's)."""

    def execute(self, query: Any, params: Any = None, **how: Any) -> Any:
        if not params:
            how["prepare"] = False
        if isinstance(query, str) and query.startswith(_IGNORE):
            return self._execute_ignoring(query.removeprefix(_IGNORE), params, **how)
        return super().execute(query, params, **how)  # type: ignore[misc]

    def _execute_ignoring(self, query: str, params: Any, **how: Any) -> Any:
        """Send pgtrigger's two commands one after the other: only texts without values may have
        two."""
        connection: Any = self.connection  # type: ignore[attr-defined]
        with connection.transaction() if connection.autocommit else nullcontext():
            super().execute(_IGNORE.rstrip("; "), params[:1])  # type: ignore[misc]
            return self.execute(query, params[1:] or None, **how)


class DatabaseWrapper(base.DatabaseWrapper):
    """Keeps connections, and notices before a request uses one that the server has hung up.

    A server that ends or is restarted closes its sockets, so a line that has gone quiet is read
    in microseconds; ``SELECT 1`` before every request would cost as much as a look-up. After an
    error the question is asked in earnest.
    """

    def get_connection_params(self) -> dict[str, Any]:
        parameters: dict[str, Any] = super().get_connection_params()
        parameters["context"] = _with_whole_numbers_as_text(parameters["context"])
        parameters["cursor_factory"] = Cursor
        return parameters

    def is_usable(self) -> Any:
        if self.errors_occurred:
            return super().is_usable()
        connection = self.connection
        if connection is None or connection.closed:
            return False
        look = select.poll()
        look.register(connection.fileno(), select.POLLIN)
        return not any(events & _SAYS_SOMETHING for _, events in look.poll(0))
