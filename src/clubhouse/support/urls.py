"""Addresses of Support, for the team of a business."""

from django.urls import path

from clubhouse.support import views

app_name = "support"
urlpatterns = [
    path("", views.listing, name="list"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.case, name="case"),
    path("<int:pk>/withdraw/", views.withdraw, name="withdraw"),
]
