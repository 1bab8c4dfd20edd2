"""django-oscar's sandbox settings, as simply as they run: its search is Haystack's simple backend."""

from oscar import INSTALLED_APPS as OSCAR
from oscar.defaults import *  # noqa: F403

from tests.lethe.projects.common import *  # noqa: F403
from tests.lethe.projects.common import MIDDLEWARE as COMMON
from tests.lethe.projects.common import databases

INSTALLED_APPS = [*OSCAR, "lethe", "tests.lethe.projects.oscar_shop"]
SITE_ID = 1
MIDDLEWARE = [*COMMON, "oscar.apps.basket.middleware.BasketMiddleware"]
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
ROOT_URLCONF = "tests.lethe.projects.oscar_shop.urls"
OSCAR_REQUIRED_ADDRESS_FIELDS = ("first_name", "last_name", "line1", "line4", "postcode", "country")
DATABASES = databases("oscar")
