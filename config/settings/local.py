"""Settings of a developer's own machine."""

from config.settings.base import *  # noqa: F403 - Django settings extend one another this way

DEBUG = env.bool("DEBUG", default=False)  # noqa: F405
ALLOWED_HOSTS = ["*"]
