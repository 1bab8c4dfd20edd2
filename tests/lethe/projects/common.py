"""What the settings of all these projects share: the databases of the engine's own tests, under other names."""

from __future__ import annotations

from typing import Any

from tests.lethe import settings as engine

SECRET_KEY = "only for tests"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MEDIA_ROOT = engine.MEDIA_ROOT
STATIC_URL = "/static/"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
LETHE_SUBJECTS = ["auth.User"]


def databases(name: str) -> dict[str, Any]:
    """The database that the engine's tests would use, with a name for this project."""
    default = dict(engine.DATABASES["default"])
    sqlite = "sqlite" in default["ENGINE"]
    default["TEST"] = {"NAME": str(engine.FOLDER / f"{name}.sqlite3") if sqlite else f"lethe_{name}"}
    return {"default": default}
