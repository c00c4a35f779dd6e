"""Settings of a system under measurement: as on a developer's machine, with one view more."""

from config.settings.local import *  # noqa: F403 - Django settings extend one another this way

ROOT_URLCONF = "benchmarks.urls"
