"""Addresses of the clients' screens."""

from django.urls import path

from clubhouse.clients import editing, views
from clubhouse.privacy.doors import delete_client

app_name = "clients"
urlpatterns = [
    path("", views.client_list, name="list"),
    path("deleted/", views.deleted_clients, name="deleted"),
    path("<int:pk>/", views.profile, name="profile"),
    path("<int:pk>/information/", views.information, name="information"),
    path("<int:pk>/image/", views.image, name="image"),
    path("<int:pk>/delete/", delete_client, name="delete"),
    path("<int:pk>/edit/", editing.edit_client, name="edit"),
    path("linkings/<int:pk>/remove/", views.remove_linking, name="remove-linking"),
]
