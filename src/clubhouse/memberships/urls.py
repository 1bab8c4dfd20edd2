"""Addresses of memberships and packages."""

from django.urls import path

from clubhouse.memberships import views

app_name = "memberships"
urlpatterns = [
    path("<int:pk>/cancel/", views.cancel, name="cancel"),
    path("<int:pk>/payer/remove/", views.remove_payer, name="remove-payer"),
    path("clients/<int:pk>/cancel/", views.cancel_several, name="cancel-several"),
    path("packages/<int:pk>/forfeit/", views.forfeit_package, name="forfeit-package"),
    path("clients/<int:pk>/packages/forfeit/", views.forfeit_packages, name="forfeit-packages"),
]
