"""Addresses of the schedule."""

from django.urls import path

from clubhouse.schedule import club_views, day_views, planning_views, session_views, views

app_name = "schedule"
urlpatterns = [
    path("", day_views.day, name="day"),
    path("sessions/add/", planning_views.add, name="add"),
    path("sessions/<int:pk>/edit/", planning_views.edit, name="edit-session"),
    path("sessions/<int:pk>/cancel/", planning_views.cancel, name="cancel-session"),
    path("clubs/", club_views.clubs, name="clubs"),
    path("clubs/add/", club_views.add_club, name="add-club"),
    path("clubs/<int:pk>/", club_views.edit_club, name="edit-club"),
    path("sessions/<int:pk>/", session_views.session, name="session"),
    path("sessions/<int:pk>/book/", session_views.book, name="book"),
    path("sessions/<int:pk>/wait/", session_views.wait, name="wait"),
    path("sessions/<int:pk>/bookings/<int:booking>/mark/", session_views.mark, name="mark"),
    path("sessions/<int:pk>/bookings/<int:booking>/cancel/", session_views.cancel_place, name="cancel-place"),
    path("sessions/<int:pk>/waiting/<int:entry>/give/", session_views.give_place, name="give-place"),
    path("sessions/<int:pk>/waiting/<int:entry>/offer/", session_views.make_offer, name="make-offer"),
    path("sessions/<int:pk>/waiting/<int:entry>/remove/", session_views.remove_waiting, name="remove-waiting"),
    path("bookings/<int:pk>/cancel/", views.cancel_booking, name="cancel-booking"),
    path("clients/<int:pk>/bookings/cancel/", views.cancel_bookings, name="cancel-bookings"),
    path("waiting/<int:pk>/leave/", views.leave_waiting_list, name="leave-waiting-list"),
]
