"""Addresses of the schedule."""

from django.urls import path

from clubhouse.schedule import day_views, views

app_name = "schedule"
urlpatterns = [
    path("", day_views.day, name="day"),
    path("bookings/<int:pk>/cancel/", views.cancel_booking, name="cancel-booking"),
    path("clients/<int:pk>/bookings/cancel/", views.cancel_bookings, name="cancel-bookings"),
    path("waiting/<int:pk>/leave/", views.leave_waiting_list, name="leave-waiting-list"),
]
