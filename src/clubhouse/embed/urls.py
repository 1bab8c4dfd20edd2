"""Addresses of the embed, under ``embed/<public id>/``."""

from django.urls import path

from clubhouse.embed import views

app_name = "embed"
urlpatterns = [
    path("<slug:public>/", views.show, name="show"),
    path("<slug:public>/sign-in/", views.sign_in, name="sign-in"),
    path("<slug:public>/sign-out/", views.sign_out, name="sign-out"),
    path("<slug:public>/<slug:what>/<int:pk>/", views.act, name="act"),
]
