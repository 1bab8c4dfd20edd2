"""Addresses of "Users"."""

from django.urls import path

from clubhouse.clients import editing, user_views

app_name = "users"
urlpatterns = [
    path("", user_views.user_list, name="list"),
    path("<int:pk>/", user_views.user_record, name="profile"),
    path("<int:pk>/edit/", editing.edit_user, name="edit"),
    path("<int:pk>/edit/consequences/", editing.consequences, name="consequences"),
    path("colleagues/<int:pk>/", user_views.colleague_record, name="colleague"),
]
