"""Settings for the open internet: they refuse to start when something is left at its default."""

from django.core.exceptions import ImproperlyConfigured

from config.settings.base import *  # noqa: F403 - Django settings extend one another this way

SECRET_KEY = env.str("SECRET_KEY", default="")  # noqa: F405
if len(SECRET_KEY) < 50 or SECRET_KEY.startswith("insecure-"):
    raise ImproperlyConfigured("SECRET_KEY must be set to at least 50 random characters.")
if env.bool("DEBUG", default=False):  # noqa: F405
    raise ImproperlyConfigured("DEBUG must not be on in production.")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])  # noqa: F405
if not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the hosts; a wildcard is refused.")
for _name in ("DATABASE_URL", "REDIS_URL"):
    if not env.str(_name, default=""):  # noqa: F405
        raise ImproperlyConfigured(f"{_name} must be set: production has no embedded servers.")
if not THROTTLING:  # noqa: F405
    raise ImproperlyConfigured("REDSHOP_THROTTLE=off is refused in production.")
if SANDBOX_URL:  # noqa: F405
    raise ImproperlyConfigured("SANDBOX_URL must not be set: production takes real money.")
if STRIPE_API_BASE:  # noqa: F405
    raise ImproperlyConfigured("STRIPE_API_BASE must not be set: production pays at Stripe itself.")
if STRIPE_SECRET_KEY and not STRIPE_WEBHOOK_SECRET:  # noqa: F405
    raise ImproperlyConfigured("STRIPE_WEBHOOK_SECRET must be set beside STRIPE_SECRET_KEY.")

DEBUG = False
SECOND_FACTOR_REQUIRED = env.bool("SECOND_FACTOR_REQUIRED", default=True)  # noqa: F405
globals().update(env.email_url("EMAIL_URL", default="smtp://localhost:25"))  # noqa: F405
STATIC_ROOT = env.str("STATIC_ROOT", default=str(STATE_DIR / "static"))  # noqa: F405
WHITENOISE_USE_FINDERS = False
STORAGES["staticfiles"]["BACKEND"] = "whitenoise.storage.CompressedManifestStaticFilesStorage"  # noqa: F405
SERVE_MEDIA = env.bool("SERVE_MEDIA", default=False)  # noqa: F405
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)  # noqa: F405
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # asked from inside, without TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
