"""Addresses of the inbox."""

from django.urls import path

from clubhouse.messages import views

app_name = "messages"
urlpatterns = [
    path("", views.inbox, name="inbox"),
    path("read/", views.read, name="mark-read"),
]
