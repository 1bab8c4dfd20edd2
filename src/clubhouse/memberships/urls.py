"""Addresses of the price list, of sales, memberships and packages."""

from django.urls import path

from clubhouse.memberships import freeze_views, price_views, selling, views

app_name = "memberships"
urlpatterns = [
    path("prices/", price_views.price_list, name="price-list"),
    path("prices/add/", price_views.add_item, name="add-item"),
    path("prices/<int:pk>/", price_views.edit_item, name="edit-item"),
    path("prices/<int:pk>/retire/", price_views.retire_item, name="retire-item"),
    path("prices/<int:pk>/sell-again/", price_views.offer_again, name="offer-again"),
    path("clients/<int:pk>/sell/", selling.sell, name="sell"),
    path("<int:pk>/freeze/", freeze_views.freeze, name="freeze"),
    path("<int:pk>/unfreeze/", freeze_views.unfreeze, name="unfreeze"),
    path("<int:pk>/end-with-period/", freeze_views.end_with_period, name="end-with-period"),
    path("<int:pk>/cancel/", views.cancel, name="cancel"),
    path("<int:pk>/payer/", views.set_payer, name="set-payer"),
    path("<int:pk>/payer/remove/", views.remove_payer, name="remove-payer"),
    path("clients/<int:pk>/cancel/", views.cancel_several, name="cancel-several"),
    path("packages/<int:pk>/forfeit/", views.forfeit_package, name="forfeit-package"),
    path("clients/<int:pk>/packages/forfeit/", views.forfeit_packages, name="forfeit-packages"),
]
