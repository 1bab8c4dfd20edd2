"""The web server's entry: ``gunicorn clubhouse.wsgi``."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clubhouse.settings")
application = get_wsgi_application()
