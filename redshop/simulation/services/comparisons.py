"""Keeping what scenarios came to in memory."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from redshop.simulation.models import Comparison
from redshop.simulation.results.page import in_words


@transaction.atomic(durable=True)
def keep(*, document: Mapping[str, Any], at: datetime) -> Comparison:
    """Keep the document of a scenario (``results.document``)."""
    names = ("scenario", "version", "digest", "seed", "people", "days", "replications", "metric")
    return Comparison.objects.create(
        **{name: document[name] for name in names},
        text=json.dumps(document, ensure_ascii=False),
        found=in_words(document),
        compared_at=at,
    )
