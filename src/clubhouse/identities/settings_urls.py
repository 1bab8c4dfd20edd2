"""Addresses of Team settings > Sign in with."""

from django.urls import path

from clubhouse.identities import settings_views

app_name = "openid-providers"
urlpatterns = [
    path("", settings_views.providers, name="list"),
    path("new/", settings_views.new, name="new"),
    path("<int:pk>/", settings_views.edit, name="edit"),
]
