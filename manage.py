#!/usr/bin/env python
"""Django's command line, on the embedded servers unless the environment names others."""

import os
import sys

#: Commands that need no database; every other one finds its servers running.
SERVERLESS = frozenset(
    {
        "check",
        "collectstatic",
        "compilemessages",
        "diffsettings",
        "findstatic",
        "help",
        "makemessages",
        "sandbox",
        "spectacular",
        "startapp",
        "startproject",
        "version",
    }
)


def main() -> int:
    """Run one management command; say in one line which server or setting is wrong."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from config.processes import tie_to_parent
    from config.servers import ServerRefused, prepare

    tie_to_parent()
    try:
        if needs_servers(sys.argv[1:]):
            prepare()
        execute_from_command_line(sys.argv)
    except (ServerRefused, ImproperlyConfigured) as error:
        print(f"redshop: {error}", file=sys.stderr)  # noqa: T201 - the command line's answer
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def needs_servers(arguments: list[str]) -> bool:
    """Tell whether a command line asks for something that reads the database or the broker.

    A role does, but whoever started it holds the servers and told it their addresses.
    """
    asks_for_help = {"-h", "--help", "--version"}.intersection(arguments)
    is_serverless = not arguments or arguments[0] in SERVERLESS or bool(asks_for_help)
    return not is_serverless and "REDSHOP_ROLE" not in os.environ


if __name__ == "__main__":
    sys.exit(main())
