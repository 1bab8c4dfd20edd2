"""django-helpdesk, as simply as it runs: no teams, no knowledge base of teams, no mail that is fetched."""

from tests.lethe.projects.common import *  # noqa: F403
from tests.lethe.projects.common import databases

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin",
    "django.contrib.sites",
    "django.contrib.humanize",
    "rest_framework",
    "helpdesk",
    "lethe",
    "tests.lethe.projects.help_desk",
]
SITE_ID = 1
HELPDESK_TEAMS_MODE_ENABLED = False
ROOT_URLCONF = "tests.lethe.projects.help_desk.urls"
DATABASES = databases("helpdesk")
