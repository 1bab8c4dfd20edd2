"""Parcels in the admin."""

from django.contrib import admin

from .models import Parcel

admin.site.register(Parcel)
