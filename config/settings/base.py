"""Settings shared by every way of running redshop; the environment decides the rest."""

from pathlib import Path
from typing import Any

import environ
import structlog
from django.templatetags.static import static
from django.urls import reverse_lazy
from redis.backoff import NoBackoff
from redis.retry import Retry

from config import embedded
from config.addresses import postgres_settings
from config.navigation import sidebar
from config.settings.schedule import BEAT_SCHEDULE

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = environ.Env()  # type: ignore[no-untyped-call]

SECRET_KEY = env.str("SECRET_KEY", default="insecure-development-key-never-used-in-production")
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# -- where things are -------------------------------------------------------------------------
# With no address in the environment the embedded servers of this checkout are used.

STATE_DIR = embedded.STATE_DIR
DATABASE_URL = env.str("DATABASE_URL", default="") or embedded.database_url()
REDIS_URL = env.str("REDIS_URL", default="") or embedded.redis_url()
BROKER_URL = env.str("BROKER_URL", default="") or REDIS_URL

#: How long a process goes by what it read of policies, and of what explore offers to everybody.
FEED_CACHE_SECONDS = env.float("FEED_CACHE_SECONDS", default=5.0)
#: How long a process keeps what a card says to everybody; a changed text or label shows at once.
CARD_CACHE_SECONDS = env.float("CARD_CACHE_SECONDS", default=60.0)
#: What tells what notes are about: "hashed", or the path of a class and what it is made with.
TEXT_ENCODER: dict[str, Any] = {
    "kind": env("TEXT_ENCODER", default="hashed"),
    "options": env.json("TEXT_ENCODER_OPTIONS", default={}),
}
DATABASES = {"default": postgres_settings(DATABASE_URL)}
if env.bool("DATABASE_KEEP", default=False):
    DATABASES["default"]["CONN_MAX_AGE"] = None
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "redshop",
        # A cache that is down or frozen must cost little: whoever reads it does without.
        "OPTIONS": {
            "socket_timeout": 0.25,
            "socket_connect_timeout": 0.25,
            "retry": Retry(NoBackoff(), retries=0),
        },
    }
}

# -- what is installed ------------------------------------------------------------------------

INSTALLED_APPS = [
    "config",
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.inlines",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_structlog",
    "django_prometheus",
    "django_linear_migrations",
    "pgtrigger",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "redshop.core",
    "redshop.events",
    "redshop.experiments",
    "redshop.accounts",
    "redshop.catalog",
    "notes",
    "orders",
    "redshop.conversion",
    "redshop.studio",
    "redshop.simulation",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "redshop.core.middleware.ContentSecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "redshop.core.middleware.RequestIdMiddleware",
    "redshop.core.middleware.RefuseNulMiddleware",
    "redshop.core.middleware.PageSessionMiddleware",
    "redshop.core.middleware.LanguageMiddleware",
    "redshop.core.middleware.PageAddressMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "redshop.core.middleware.PageAuthenticationMiddleware",
    "redshop.accounts.middleware.PageFactorMiddleware",
    "redshop.accounts.middleware.SecondFactorMiddleware",
    "redshop.core.middleware.PageMessageMiddleware",
    "redshop.accounts.middleware.AccessRecordMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "redshop.core.middleware.RequestLogMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
AUTH_USER_MODEL = "accounts.User"
LOGIN_REDIRECT_URL = "admin:index"
SILENCED_SYSTEM_CHECKS = [
    "auth.E003",  # handles are unique whatever their case: a constraint on Lower("handle")
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        (
            "UserAttributeSimilarityValidator",
            {"user_attributes": ["handle", "email", "display_name"]},
        ),
        ("MinimumLengthValidator", {"min_length": 8}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]

# -- the studio -------------------------------------------------------------------------------
# Who writes drafts: "grammar", offline patterns and no model, or "openai", any server that speaks
# OpenAI's protocol. What is spent is limited by the day, in tokens.

STUDIO: dict[str, Any] = {
    "writer": env.str("STUDIO_WRITER", default="grammar"),
    "base_url": env.str("STUDIO_BASE_URL", default=""),
    "api_key": env.str("STUDIO_API_KEY", default=""),
    "model": env.str("STUDIO_MODEL", default=""),
    "timeout_seconds": env.float("STUDIO_TIMEOUT_SECONDS", default=90.0),
    "retries": env.int("STUDIO_RETRIES", default=2),
    "answer_tokens": env.int("STUDIO_ANSWER_TOKENS", default=4_000),
    "daily_tokens": env.int("STUDIO_DAILY_TOKENS", default=500_000),
    "daily_tokens_of_brand": env.int("STUDIO_DAILY_TOKENS_OF_BRAND", default=100_000),
}

# -- languages and time -----------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# -- files ------------------------------------------------------------------------------------

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # nothing needs collecting on a developer's machine
MEDIA_URL = "media/"
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(STATE_DIR / "media")))
SERVE_MEDIA = env.bool("SERVE_MEDIA", default=True)
#: What is for one person alone, and served by nobody else: the exports of their data.
PRIVATE_ROOT = Path(env.str("PRIVATE_ROOT", default=str(STATE_DIR / "private")))
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "private": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": PRIVATE_ROOT},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# -- mail -------------------------------------------------------------------------------------
# Such as smtp+tls://user:password@host:587; without an address, letters are printed.

globals().update(env.email_url("EMAIL_URL", default="consolemail://"))
EMAIL_TIMEOUT = 5  # seconds: a worker has other things to do
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="redshop <noreply@redshop.invalid>")

# -- the REST API -----------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["redshop.accounts.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["redshop.core.api.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "redshop.core.api.pagination.CursorPage",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "redshop.core.api.schema.ProblemAutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["redshop.core.api.throttling.CallerThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "person": env.str("THROTTLE_CALLER", default="1200/min"),
        "credentials": env.str("THROTTLE_CREDENTIALS", default="20/min"),
        "account": env.str("THROTTLE_ACCOUNT", default="30/hour"),
    },
    "EXCEPTION_HANDLER": "redshop.core.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
}
THROTTLING = env.str("REDSHOP_THROTTLE", default="on") != "off"

SPECTACULAR_SETTINGS = {
    "TITLE": "redshop",
    "DESCRIPTION": "Discover notes, interact with them and buy what they show, in one loop.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "OrderState": "orders.states.OrderState",
        "PaymentState": "orders.states.PaymentState",
        "PaymentAttempt": "orders.states.PaymentAttempt",
        "ReturnState": "orders.states.ReturnState",
        "AiUseEnum": "notes.models.Note.AiUse",
        "NoteStateEnum": "notes.states.VALUES",
        "NoteTypeEnum": "notes.models.Note.Type",
        "SurfaceEnum": "redshop.events.kinds.Surface",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# -- Celery: a doorbell, never the queue (RELIABILITY in docs/adr) -----------------------------

CELERY_BROKER_URL = BROKER_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 60
CELERY_TASK_TIME_LIMIT = 90
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_MAX_TASKS_PER_CHILD = 2_000
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 512_000  # KiB
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "confirm_publish": True,
}
if BROKER_URL.startswith("redis"):
    del CELERY_BROKER_TRANSPORT_OPTIONS["confirm_publish"]

CELERY_TASK_ROUTES = {"redshop.simulation.tasks.live": {"queue": "simulation"}}
CELERY_BEAT_SCHEDULE = BEAT_SCHEDULE
CELERY_TASK_PUBLISH_RETRY = False  # a lost bell is rung again in a moment
CELERY_BEAT_SCHEDULER = "config.celery:Clockwork"
CELERY_BEAT_MAX_LOOP_INTERVAL = 2  # seconds between two heartbeats
CELERY_BEAT_SCHEDULE_FILENAME = str(STATE_DIR / "beat-schedule")

# -- the outbox -------------------------------------------------------------------------------

OUTBOX_BATCH = 50
OUTBOX_LEASE_SECONDS = 5  # from a claim to the row locks of its work; then the locks protect it
OUTBOX_RETENTION_DAYS = 7

# -- payment companies ------------------------------------------------------------------------
# A living system starts its own sandbox (config.living) and tells its roles where it is.

SANDBOX_URL = env.str("SANDBOX_URL", default="")
SANDBOX_SECRET = env.str("SANDBOX_SECRET", default="insecure-sandbox-secret")
SANDBOX_WEBHOOK_SECRET = env.str("SANDBOX_WEBHOOK_SECRET", default="insecure-webhook-secret")
LINK_OUT_SECRET = env.str("LINK_OUT_SECRET", default="")  # without one, no report is believed
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", default="")  # without one, nobody pays so
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", default="")
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="")  # such as localstripe's address
PAYMENT_RETURN_URL = env.str("PAYMENT_RETURN_URL", default="")  # the client's own page
WEBHOOK_BASE_URL = env.str("WEBHOOK_BASE_URL", default="")  # where companies reach this shop

# -- the lake ---------------------------------------------------------------------------------
# Months of the behaviour log that can no longer change, as Parquet: in a folder, or in whatever
# fsspec knows by its address (s3://bucket/folder needs the package s3fs).

LAKE_URL = env.str("LAKE_URL", default=str(STATE_DIR / "lake"))
LAKE_OPTIONS = env.json("LAKE_OPTIONS", default={})  # for S3: {"endpoint_url": "https://…"}
LAKE_KEEP_MONTHS = env.int("LAKE_KEEP_MONTHS", default=25)  # in the log too; older lie there alone

# Questions over a lake that outgrew one machine (manage.py what_if --engine spark).
SPARK_MASTER = env.str("SPARK_MASTER", default="local[*]")  # such as spark://host:7077
SPARK_FOLDER = env.str("SPARK_FOLDER", default=str(STATE_DIR / "spark"))  # workers read it too
SPARK_OPTIONS = env.json("SPARK_OPTIONS", default={})

# -- the platform's choices -------------------------------------------------------------------

PLATFORM_CURRENCY = env.str("PLATFORM_CURRENCY", default="CNY")
PLATFORM_TIME_ZONE = env.str("PLATFORM_TIME_ZONE", default="Asia/Shanghai")
#: Whether staff must show a code of an app besides their password; whoever set one up always must.
SECOND_FACTOR_REQUIRED = env.bool("SECOND_FACTOR_REQUIRED", default=False)
OTP_TOTP_ISSUER = "redshop"
TOKEN_LIFETIME_DAYS = env.int("TOKEN_LIFETIME_DAYS", default=90)
PAYMENT_MINUTES = env.int("PAYMENT_MINUTES", default=15)  # to confirm one; then it is given up
RESERVATION_MINUTES = env.int("RESERVATION_MINUTES", default=30)
RETURN_DAYS = env.int("RETURN_DAYS", default=7)  # to send it back; then sellers are paid
COMPLETE_DAYS = env.int("COMPLETE_DAYS", default=10)  # then a delivered order is; more than above
LINK_OUT_PARAMETER = env.str("LINK_OUT_PARAMETER", default="redshop_click")
LOCK_PATIENCE_MS = env.int("LOCK_PATIENCE_MS", default=2_000)  # then a write answers "busy"
SEARCH_CACHE_BYTES = env.int("SEARCH_CACHE_BYTES", default=256 * 1024**2)  # in each process
DISCLOSURE_RULE = env.str("DISCLOSURE_RULE", default="commercial")  # or "every_product_link"
CONSENT_DEFAULTS = {"analytics": True, "personalisation": True, "marketing": False}

# -- logs -------------------------------------------------------------------------------------

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
_SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.processors.format_exc_info,
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.processors.KeyValueRenderer(
                key_order=["timestamp", "level", "event", "logger"]
            ),
            "foreign_pre_chain": _SHARED_PROCESSORS,
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django_structlog": {"level": env.str("REQUEST_LOG_LEVEL", default="WARNING")},
        "django.request": {"level": "ERROR"},
        "stripe": {"level": "WARNING"},  # it tells of every request
    },
}
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True  # RequestIdMiddleware has seen to it
structlog.configure(
    processors=[
        *_SHARED_PROCESSORS,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)

# -- the admin --------------------------------------------------------------------------------

UNFOLD = {
    "LOGIN": {"form": "redshop.accounts.forms.AdminLoginForm"},
    "SITE_TITLE": "redshop",
    "SITE_HEADER": "redshop",
    "SITE_SUBHEADER": "the closed loop",
    "SITE_SYMBOL": "favorite",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("redshop/favicon.svg"),
        },
    ],
    "STYLES": [lambda request: static("redshop/admin.css")],
    "SHOW_HISTORY": True,
    "ACCOUNT": {
        "navigation": [{"title": "Second factor", "link": reverse_lazy("second-factor")}],
    },
    "SIDEBAR": sidebar(),
    "DASHBOARD_CALLBACK": "redshop.conversion.dashboard.home",
    "COLORS": {
        "primary": {
            "50": "255 241 242",
            "100": "255 228 230",
            "200": "254 205 211",
            "300": "253 164 175",
            "400": "251 113 133",
            "500": "244 63 94",
            "600": "225 29 72",
            "700": "190 18 60",
            "800": "159 18 57",
            "900": "136 19 55",
            "950": "76 5 25",
        },
    },
}
