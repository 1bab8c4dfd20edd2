"""Addresses of the member app's builds, in Team settings."""

from django.urls import path

from clubhouse.member import build_views

app_name = "builds"
urlpatterns = [
    path("", build_views.builds, name="list"),
    path("new/", build_views.new, name="new"),
    path("<int:pk>/", build_views.edit, name="edit"),
    path("<int:pk>/remove/", build_views.remove, name="remove"),
]
