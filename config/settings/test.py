"""Settings of the test suite: the real engines, cheap password hashes, no waiting for limits."""

from config.settings.base import *  # noqa: F403 - Django settings extend one another this way

DEBUG = False
SECRET_KEY = "the-test-suite-signs-with-this-and-nothing-else-does"  # noqa: S105 - a test's key
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
THROTTLING = False
FEED_CACHE_SECONDS = CARD_CACHE_SECONDS = 0.0
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
WHITENOISE_AUTOREFRESH = True  # looks when asked, instead of listing every file for each client
LAKE_URL = str(STATE_DIR / "test-lake")  # noqa: F405
MEDIA_ROOT = STATE_DIR / "test-media"  # noqa: F405
STORAGES["private"]["OPTIONS"]["location"] = STATE_DIR / "test-private"  # noqa: F405
