"""Addresses of the clients' screens."""

from django.urls import path

from clubhouse.clients import adding, desk_views, editing, timeline_views, views
from clubhouse.privacy.doors import delete_client

app_name = "clients"
urlpatterns = [
    path("", views.client_list, name="list"),
    path("deleted/", views.deleted_clients, name="deleted"),
    path("new/", adding.new_client, name="new"),
    path("<int:pk>/", views.profile, name="profile"),
    path("<int:pk>/information/", views.information, name="information"),
    path("<int:pk>/image/", views.image, name="image"),
    path("<int:pk>/delete/", delete_client, name="delete"),
    path("<int:pk>/edit/", editing.edit_client, name="edit"),
    path("<int:pk>/timeline/", timeline_views.timeline, name="timeline"),
    path("<int:pk>/picture/", desk_views.picture, name="picture"),
    path("<int:pk>/linkings/add/", desk_views.add_linking, name="add-linking"),
    path("<int:pk>/notes/add/", desk_views.add_note, name="add-note"),
    path("notes/<int:pk>/", desk_views.edit_note, name="edit-note"),
    path("notes/<int:pk>/delete/", desk_views.delete_note, name="delete-note"),
    path("<int:pk>/trainers/add/", desk_views.add_trainer, name="add-trainer"),
    path("trainers/<int:pk>/remove/", desk_views.remove_trainer, name="remove-trainer"),
    path("linkings/<int:pk>/remove/", views.remove_linking, name="remove-linking"),
]
