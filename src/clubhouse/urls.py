"""Every address of the deployment."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("clubhouse.accounts.urls")),
]
