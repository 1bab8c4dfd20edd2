"""A project with every app that ``lethe.contrib`` has a ready policy for."""

from tests.lethe.projects.common import *  # noqa: F403
from tests.lethe.projects.common import MIDDLEWARE as COMMON
from tests.lethe.projects.common import databases

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin",
    "axes",
    "auditlog",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.mfa",
    "allauth.usersessions",
    "simple_history",
    "lethe",
    "tests.lethe.projects.contrib.desk",
]
MIDDLEWARE = [*COMMON, "allauth.account.middleware.AccountMiddleware", "axes.middleware.AxesMiddleware"]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
ROOT_URLCONF = "tests.lethe.projects.contrib.urls"
AXES_USE_ATTEMPT_EXPIRATION = True
AXES_COOLOFF_TIME = 1
AXES_FAILURE_LIMIT = 1_000
DATABASES = databases("contrib")
