"""Policies for tables that are not ours."""

from __future__ import annotations

from lethe.contrib import auditlog

auditlog.install()
