"""Where the payment provider calls."""

from django.urls import path

from clubhouse.billing.provider import views

urlpatterns = [path("stripe/", views.hook, name="stripe-hook")]
