"""Addresses of signing in and out."""

from django.urls import path

from clubhouse.accounts import security_views, views
from clubhouse.member import entry

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("team/sign-ins/", security_views.sign_in_settings, name="sign-in-settings"),
    path("team/sign-ins/<int:pk>/unlock/", security_views.unlock, name="unlock"),
    path("member/", entry.home, name="member-home"),
    path("member/sign-in/", entry.sign_in, name="member-sign-in"),
    path("<slug:slug>/sign-in/", views.sign_in, name="business-sign-in"),
    path("<slug:slug>/member/sign-in/", entry.of_business, name="business-member-sign-in"),
]
