"""A project of a stranger's, in a folder of its own: a library that has declared nothing yet."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

SETTINGS = """
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "only for tests"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "django.contrib.admin",
    "axes", "lethe", "library", "reading",
]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
              "django.contrib.auth.middleware.AuthenticationMiddleware",
              "django.contrib.messages.middleware.MessageMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3",
                         "OPTIONS": {"transaction_mode": "IMMEDIATE"}}}
SILENCED_SYSTEM_CHECKS = ["axes.W003", "admin.E403", "admin.E404", "admin.E406"]
LETHE_SUBJECTS = ["library.Reader"]
"""

LIBRARY = """
from django.conf import settings
from django.db import models


class Reader(models.Model):
    account = models.OneToOneField(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    name = models.CharField(max_length=80)
    email = models.EmailField(unique=True)
    phone = models.CharField(max_length=20, blank=True)
    shelfmark = models.CharField(max_length=20, blank=True)
    joined = models.DateField(auto_now_add=True)
    portrait = models.FileField(upload_to="portraits", blank=True)


class Book(models.Model):
    title = models.CharField(max_length=200)
    chosen_by = models.ForeignKey(Reader, models.SET_NULL, null=True, blank=True, related_name="+")


class Fine(models.Model):
    reader = models.ForeignKey(Reader, models.PROTECT)
    amount = models.DecimalField(max_digits=8, decimal_places=2)
    remark = models.TextField(blank=True)
"""

READING = '''
from django.db import models

from library.models import Book, Reader


class Shelf(models.Model):
    reader = models.ForeignKey(Reader, models.CASCADE)
    books = models.ManyToManyField(Book)


class Search(models.Model):
    """What was searched for, by an address."""

    email = models.EmailField()
    words = models.CharField(max_length=200)
'''

ORDERS = """

class Wish(models.Model):
    reader = models.ForeignKey(Reader, models.CASCADE)
    title = models.CharField(max_length=200)
"""


class Project:
    """The folder, and its ``manage.py``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        files = {
            "manage.py": "import os, sys\nos.environ['DJANGO_SETTINGS_MODULE'] = 'desk.settings'\n"
            "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n",
            "desk/__init__.py": "",
            "desk/settings.py": SETTINGS,
            "library/__init__.py": "",
            "library/models.py": LIBRARY,
            "reading/__init__.py": "",
            "reading/models.py": READING,
        }
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.lstrip("\n"))

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-W", "ignore", "manage.py", *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "DJANGO_SETTINGS_MODULE": "desk.settings"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a file, where it says ``old`` at least once."""
        path = self.folder / name
        text = path.read_text()
        assert old in text, f"{name} does not say {old!r}"
        path.write_text(text.replace(old, new))
