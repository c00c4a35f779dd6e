"""Django's PostgreSQL backend with a health check that costs no round trip."""

import select
from typing import Any, Final

from django.db.backends.postgresql import base

#: What a server says to a client that asks nothing: good-bye.
_SAYS_SOMETHING: Final = select.POLLIN | select.POLLHUP | select.POLLERR | select.POLLNVAL


class DatabaseWrapper(base.DatabaseWrapper):
    """Keeps connections, and notices before a request uses one that the server has hung up.

    A server that ends or is restarted closes its sockets, so a line that has gone quiet is read
    in microseconds; ``SELECT 1`` before every request would cost as much as a look-up. After an
    error the question is asked in earnest.
    """

    def is_usable(self) -> Any:
        if self.errors_occurred:
            return super().is_usable()
        connection = self.connection
        if connection is None or connection.closed:
            return False
        look = select.poll()
        look.register(connection.fileno(), select.POLLIN)
        return not any(events & _SAYS_SOMETHING for _, events in look.poll(0))
