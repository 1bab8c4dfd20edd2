"""Addresses of signing in and out."""

from django.urls import path

from clubhouse.accounts import address_views, own_views, password_views, security_views, views
from clubhouse.member import entry

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("sign-ins/", own_views.sign_ins, name="sign-ins"),
    path("sign-ins/end/", own_views.end_everywhere, name="sign-out-everywhere"),
    path("password/", password_views.ask, name="password"),
    path("password/mailed/", password_views.asked, name="password-asked"),
    path("password/choose/", password_views.choose, name="password-send"),
    path("password/choose/<str:token>/", password_views.choose, name="password-choose"),
    path("address/confirm/", address_views.confirm, name="address-confirm-send"),
    path("address/confirm/<str:token>/", address_views.confirm, name="address-confirm"),
    path("team/sign-ins/", security_views.sign_in_settings, name="sign-in-settings"),
    path("team/sign-ins/<int:pk>/unlock/", security_views.unlock, name="unlock"),
    path("member/", entry.home, name="member-home"),
    path("member/sign-in/", entry.sign_in, name="member-sign-in"),
    path("member/<slug:slug>/password/", password_views.member_ask, name="member-password"),
    path("member/<slug:slug>/settings/preferences/sign-ins/", own_views.member_sign_ins, name="member-sign-ins"),
    path("member/<slug:slug>/settings/preferences/sign-ins/end/", own_views.member_end, name="member-end-everywhere"),
    path("<slug:slug>/password/", password_views.ask, name="business-password"),
    path("<slug:slug>/sign-in/", views.sign_in, name="business-sign-in"),
    path("<slug:slug>/member/sign-in/", entry.of_business, name="business-member-sign-in"),
]
