"""The command that imports an existing shop's log, as tests run it."""

import io
from pathlib import Path
from typing import Any

from django.core.management import call_command


def run(path: Path, **options: Any) -> str:
    """Import a log; return what the command says."""
    said = io.StringIO()
    call_command("import_history", str(path), stdout=said, **options)
    return said.getvalue()
