"""Addresses of the reports; each is a file with ``?format=csv``."""

from django.urls import path

from clubhouse.reports import views

app_name = "reports"
urlpatterns = [
    path("", views.sessions, name="sessions"),
    path("revenue/", views.revenue, name="revenue"),
    path("aged-debt/", views.debt, name="debt"),
    path("sessions/", views.held, name="held"),
    path("sessions/<int:pk>/", views.roster, name="roster"),
]
