"""Addresses of the team's tokens, in Team settings."""

from django.urls import path

from clubhouse.api import views

app_name = "tokens"
urlpatterns = [
    path("", views.of_team, name="list"),
    path("<int:pk>/revoke/", views.revoke, name="revoke"),
]
