"""Addresses of the task list."""

from django.urls import path

from clubhouse.tasks import views

app_name = "tasks"
urlpatterns = [
    path("", views.task_list, name="list"),
    path("<int:pk>/done/", views.finish, name="finish"),
]
