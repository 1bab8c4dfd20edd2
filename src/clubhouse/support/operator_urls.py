"""Addresses of the operator's console."""

from django.urls import path

from clubhouse.support import operator_views as views

app_name = "operator"
urlpatterns = [
    path("", views.cases, name="cases"),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("cases/<int:pk>/", views.case, name="case"),
    path("cases/<int:pk>/screenshot/", views.screenshot, name="screenshot"),
    path("cases/<int:pk>/ask/", views.ask, name="ask"),
    path("cases/<int:pk>/refuse/", views.refuse, name="refuse"),
    path("cases/<int:pk>/open/", views.open_deletion, name="open"),
    path("cases/<int:pk>/deletion/", views.deletion, name="deletion"),
]
