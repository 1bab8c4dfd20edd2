"""Addresses of invoices and account credits."""

from django.urls import path

from clubhouse.billing import invoice_views, views

app_name = "billing"
urlpatterns = [
    path("clients/<int:pk>/invoices/", invoice_views.client_invoices, name="client-invoices"),
    path("invoices/<int:pk>/", invoice_views.invoice, name="invoice"),
    path("invoices/<int:pk>/charge/", views.charge_card, name="charge-card"),
    path("payments/<int:pk>/refund/", views.refund_payment, name="refund-payment"),
    path("invoices/<int:pk>/pay/", views.pay_invoice, name="pay-invoice"),
    path("invoices/<int:pk>/write-off/", views.write_off_invoice, name="write-off-invoice"),
    path("clients/<int:pk>/invoices/write-off/", views.write_off_invoices, name="write-off-invoices"),
    path("credits/<int:pk>/refund/", views.refund_credit, name="refund-credit"),
    path("credits/<int:pk>/forfeit/", views.forfeit_credit, name="forfeit-credit"),
    path("clients/<int:pk>/credits/forfeit/", views.forfeit_credits, name="forfeit-credits"),
]
