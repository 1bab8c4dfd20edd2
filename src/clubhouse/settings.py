"""Settings of the clubhouse deployment.

Everything a deployment may choose comes from the environment and has a default that works on a laptop; the full list is
in ``docs/reference/settings.md``.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from clubhouse.environment import (
    data_folder,
    database,
    flag,
    media_origins,
    media_storage,
    networks,
    number,
    periods,
    secret_key,
)

BASE_DIR = Path(__file__).resolve().parent
DATA_DIR = data_folder()

DEBUG = flag("CLUBHOUSE_DEBUG", default=False)
SECRET_KEY = secret_key(DATA_DIR)
ALLOWED_HOSTS = os.environ.get("CLUBHOUSE_HOSTS", "localhost,127.0.0.1,[::1],testserver").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("CLUBHOUSE_ORIGINS", "").split(",") if origin]
SITE_URL = os.environ.get("CLUBHOUSE_URL", "http://127.0.0.1:8000")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "auditlog",
    "axes",
    "csp",
    "django_htmx",
    "lethe",
    "clubhouse.accounts",
    "clubhouse.localisation",
    "clubhouse.audits",
    "clubhouse.team",
    "clubhouse.clients",
    "clubhouse.schedule",
    "clubhouse.memberships",
    "clubhouse.billing",
    "clubhouse.messages",
    "clubhouse.tasks",
    "clubhouse.reports",
    "clubhouse.privacy",
    "clubhouse.webhooks",
    "clubhouse.member",
    "clubhouse.identities",
    "clubhouse.support",
    "clubhouse.api",
    "clubhouse.embed",
    "clubhouse.imports",
    "clubhouse.demo",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "clubhouse.accounts.sessions.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "clubhouse.accounts.middleware.BusinessMiddleware",
    "clubhouse.localisation.middleware.LocalisationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "auditlog.middleware.AuditlogMiddleware",
]

ROOT_URLCONF = "clubhouse.urls"
WSGI_APPLICATION = "clubhouse.wsgi.application"
TEMPLATES = [
    {
        "NAME": "django",
        "BACKEND": "clubhouse.localisation.backend.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["clubhouse.templatetags.house", "clubhouse.templatetags.reader"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "clubhouse.accounts.context.business",
            ],
        },
    },
]

# --- database ---------------------------------------------------------------------------------------------------------
DATABASES = {"default": database(DATA_DIR)}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        # A writer that starts as a reader can be refused half-way; one that asks for the write lock first only waits.
        "transaction_mode": "IMMEDIATE",
        # Python keeps 128 statements of a connection ready. An erasure alone has a hundred, a page some dozens.
        "cached_statements": 512,
        "timeout": 30,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;"
        ),
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- accounts ---------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["clubhouse.accounts.backends.BusinessBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email",)},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
#: Lockout at sign-in: after so many bad tries, until so long after the last (docs/discussions/lockout.md).
AXES_HANDLER = "clubhouse.accounts.lockout.Handler"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = ["username"]
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_VERBOSE = False
# axes asks for its middleware, its backend and the IP address: the forms ask the handler, and no address is kept.
SILENCED_SYSTEM_CHECKS = ["axes.W002", "axes.W003", "axes.W006"]
SESSION_ENGINE = "clubhouse.accounts.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 60 * 60 * 12
CSRF_COOKIE_HTTPONLY = False
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- safety in transit ------------------------------------------------------------------------------------------------
SECURE = flag("CLUBHOUSE_HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = SECURE
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- files ------------------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # WhiteNoise warns of a folder that is not there, and collectstatic fills it.
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
MEDIA_ROOT = DATA_DIR / "media"
MEDIA_URL = "media/"
STORAGES = {
    "default": media_storage(),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CONTENT_SECURITY_POLICY["DIRECTIVES"]["img-src"] += media_origins(STORAGES["default"])
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024

# --- payment provider -------------------------------------------------------------------------------------------------
STRIPE_KEY = os.environ.get("CLUBHOUSE_STRIPE_KEY", "").strip()
STRIPE_WEBHOOK_SECRET = os.environ.get("CLUBHOUSE_STRIPE_WEBHOOK_SECRET", "").strip()
STRIPE_API = os.environ.get("CLUBHOUSE_STRIPE_API", "").strip()  # the provider's own address unless set
#: Whether a deleted customer is redacted too; a preview, which the account at the provider must have.
STRIPE_REDACT = flag("CLUBHOUSE_STRIPE_REDACT", default=False)

# --- webhooks ---------------------------------------------------------------------------------------------------------
#: Private networks that webhooks may go to all the same; none unless set.
WEBHOOK_NETWORKS = networks("CLUBHOUSE_WEBHOOK_NETWORKS")

# --- sign-in with OpenID providers ------------------------------------------------------------------------------------
#: What makes a provider Sign in with Apple, and where its tokens are revoked.
APPLE_ISSUER = os.environ.get("CLUBHOUSE_APPLE_ISSUER", "").strip() or "https://appleid.apple.com"
APPLE_REVOKE = os.environ.get("CLUBHOUSE_APPLE_REVOKE", "").strip() or "https://appleid.apple.com/auth/revoke"

# --- metrics ----------------------------------------------------------------------------------------------------------
#: Who may ask for them; nobody unless set.
METRICS_TOKEN = os.environ.get("CLUBHOUSE_METRICS_TOKEN", "").strip()
METRICS_NETWORKS = networks("CLUBHOUSE_METRICS_NETWORKS")

# --- mail -------------------------------------------------------------------------------------------------------------
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = os.environ.get("CLUBHOUSE_SMTP_HOST", "")
EMAIL_PORT = number("CLUBHOUSE_SMTP_PORT", default=25)
EMAIL_HOST_USER = os.environ.get("CLUBHOUSE_SMTP_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("CLUBHOUSE_SMTP_PASSWORD", "")
EMAIL_USE_TLS = flag("CLUBHOUSE_SMTP_TLS", default=False)
EMAIL_USE_SSL = flag("CLUBHOUSE_SMTP_SSL", default=False)
if EMAIL_USE_TLS and EMAIL_USE_SSL:
    raise ImproperlyConfigured("Switch on CLUBHOUSE_SMTP_TLS or CLUBHOUSE_SMTP_SSL, not both.")
EMAIL_TIMEOUT = 20
#: How long a staff digest waits for more to tell, in seconds.
STAFF_MAIL_SECONDS = number("CLUBHOUSE_STAFF_MAIL_SECONDS", default=60)
DEFAULT_FROM_EMAIL = os.environ.get("CLUBHOUSE_MAIL_FROM", "clubhouse@localhost")

# --- language and time ------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["clubhouse.formats"]
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- logs: to standard error, and never a person's data: no request bodies, no SQL with parameters --------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django.db.backends": {"level": "WARNING"},
        "lethe": {"level": "INFO"},
        "clubhouse": {"level": "INFO"},
        # It would say which key was tried and where.
        "axes": {"level": "CRITICAL"},
    },
}

# --- the engine -------------------------------------------------------------------------------------------------------
LETHE_SUBJECTS = ["clients.Client"]
LETHE_CLEAN_EVERY: int | None = number("CLUBHOUSE_CLEAN_EVERY", default=600)
LETHE_CLEAN_AT = os.environ.get("CLUBHOUSE_CLEAN_AT", "").strip() or None
LETHE_OUTLIVES = periods("CLUBHOUSE_OUTLIVES")

# --- audits -----------------------------------------------------------------------------------------------------------
AUDITLOG_LOGENTRY_MODEL = "audits.LogEntry"
# Its own migrations would make the table that ours replaces: empty, unknown to the models, and tied to the accounts.
MIGRATION_MODULES = {"auditlog": None}
