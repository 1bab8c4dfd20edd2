"""Addresses of the privacy screens."""

from django.urls import path

from clubhouse.privacy import retrying, views

app_name = "privacy"
urlpatterns = [
    path("settings/", views.settings, name="settings"),
    path("outstanding/", retrying.part, name="outstanding"),
    path("outstanding/retry/", retrying.retry_all, name="retry-all"),
    path("outstanding/<int:pk>/retry/", retrying.retry, name="retry"),
    path("explanation/", views.explanation, name="explanation"),
    path("already-deleted/", views.already_deleted, name="already-deleted"),
    path("clients/<int:pk>/residue/", views.residue, name="residue"),
    path("receipts/", views.find_receipt, name="find-receipt"),
    path("receipts/<str:number>/", views.receipt, name="receipt"),
    path("receipts/<str:number>/progress/", views.progress, name="progress"),
]
