"""Addresses of language and time zone."""

from django.urls import path

from clubhouse.localisation import views

app_name = "localisation"
urlpatterns = [
    path("language/", views.switch, name="switch"),
    path("preferences/", views.preferences, name="preferences"),
    path("team/language/", views.business, name="business"),
]
