"""Addresses of the embed in Team settings."""

from django.urls import path

from clubhouse.embed import site_views

app_name = "embeds"
urlpatterns = [
    path("", site_views.sites, name="sites"),
    path("<int:pk>/remove/", site_views.remove, name="remove"),
]
