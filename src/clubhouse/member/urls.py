"""Addresses of the member app, under ``member/<build>/``."""

from django.urls import path

from clubhouse.api import views as tokens
from clubhouse.localisation.views import member_preferences
from clubhouse.member import deletion, entry, own_data, signing_up, views

app_name = "member"
DELETE = "settings/preferences/delete/"
urlpatterns = [
    path("", views.home, name="home"),
    path("app.webmanifest", views.manifest, name="manifest"),
    path("sign-in/", entry.build_sign_in, name="sign-in"),
    path("sign-out/", entry.sign_out, name="sign-out"),
    path("sign-up/", signing_up.begin, name="sign-up"),
    path("sign-up/mailed/", signing_up.mailed, name="sign-up-mailed"),
    path("sign-up/finish/", signing_up.finish, name="sign-up-send"),
    path("sign-up/finish/<str:token>/", signing_up.finish, name="sign-up-finish"),
    path("classes/", views.classes, name="classes"),
    path("classes/<int:pk>/book/", views.book, name="book"),
    path("classes/<int:pk>/buddy/", views.book_for_buddy, name="buddy"),
    path("classes/<int:pk>/wait/", views.join_waiting_list, name="wait"),
    path("bookings/<int:pk>/cancel/", views.cancel, name="cancel"),
    path("waiting/<int:pk>/leave/", views.leave_waiting_list, name="leave"),
    path("waiting/<int:pk>/accept/", views.accept_offer, name="accept"),
    path("passes/", views.passes, name="passes"),
    path("settings/", views.settings, name="settings"),
    path("settings/preferences/", views.preferences, name="preferences"),
    path("settings/preferences/details/", views.details, name="details"),
    path("settings/preferences/messages/", views.message_choices, name="messages"),
    path("settings/preferences/language/", member_preferences, name="language"),
    path("settings/preferences/copy/", own_data.copy, name="copy"),
    path("settings/preferences/password/", own_data.password, name="change-password"),
    path("settings/preferences/address/", own_data.address, name="address"),
    path("settings/preferences/code/", own_data.mail_code, name="code"),
    path("settings/preferences/tokens/", tokens.of_member, name="tokens"),
    path("settings/preferences/tokens/<int:pk>/revoke/", tokens.revoke_own, name="revoke-token"),
    path(DELETE, deletion.delete_account, name="delete"),
    path(DELETE + "code/", deletion.mail_code, name="delete-code"),
    path(DELETE + "settle/<str:kind>/", deletion.settle, name="settle-all"),
    path(DELETE + "settle/<str:kind>/<int:pk>/", deletion.settle, name="settle"),
    path("deleted/", deletion.deleted, name="deleted"),
    path("deleted/progress/", deletion.progress, name="progress"),
    path("deleted/logout/", deletion.log_out, name="logout"),
    path("goodbye/", deletion.goodbye, name="goodbye"),
]
