"""Addresses of signing in with a provider, under ``member/<build>/openid/``."""

from django.urls import path

from clubhouse.identities import views

app_name = "openid"
urlpatterns = [
    path("<int:pk>/", views.set_out, name="set-out"),
    path("finish/", views.finish, name="finish"),
    path("connect/", views.connect, name="connect"),
    path("disconnect/<int:pk>/", views.disconnect, name="disconnect"),
]
