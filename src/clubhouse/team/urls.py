"""Addresses of Team settings."""

from django.urls import path

from clubhouse.team import invitations, views

app_name = "team"
urlpatterns = [
    path("", views.settings, name="settings"),
    path("access-groups/", views.groups, name="groups"),
    path("access-groups/new/", views.new_group, name="new-group"),
    path("access-groups/<int:pk>/", views.edit_group, name="group"),
    path("members/", views.members, name="members"),
    path("members/new/", views.new_member, name="new-member"),
    path("members/<int:pk>/", views.edit_member, name="member"),
    path("members/<int:pk>/activity/", views.set_activity, name="activity"),
    path("members/<int:pk>/sign-in-link/", invitations.make_link, name="make-link"),
    path("join/<int:pk>/", invitations.join, name="join-send"),
    path("join/<int:pk>/<str:token>/", invitations.join, name="join"),
]
