"""The shop's declaration with one policy changed, and what the gate says of it."""

from __future__ import annotations

from typing import Any

from django.db import models

from lethe import RandomEmail
from lethe.registry import registry
from tests.lethe.apps.shop.models import Customer
from tests.lethe.support.registries import declared, said

WHY = "it is counted by month"


def customer(**changes: Any) -> tuple[type[models.Model], dict[str, Any]]:
    """A policy for the customer that answers for everything."""
    attributes: dict[str, Any] = {
        "subject": True,
        "replace": {"email": RandomEmail()},
        "clear": ("phone", "main_address"),
        "keep": {
            ("name", "number", "password", "born", "about", "tags", "extra", "loyal", "picture", "fingerprint"): WHY,
            ("status", "joined", "shop", "referred_by", "clerk"): WHY,
        },
    }
    return Customer, attributes | changes


def rest(*left_out: type[models.Model]) -> list[tuple[type[models.Model], dict[str, Any]]]:
    """Policies for everything else in reach of the customer."""
    found = []
    for policy in registry:
        if policy.model._meta.app_label == "shop" and policy.model not in (Customer, *left_out):
            names = ("path", "by_key", "by_key_models", "rows", "clear", "replace", "keep", "unlink", "history")
            attributes = {name: value for name, value in vars(policy).items() if name in names}
            found.append((policy.model, attributes))
    return found


def gate(number: str, *policies: tuple[type[models.Model], dict[str, Any]]) -> list[tuple[str, str]]:
    """Message and hint of the findings with an id, all others put aside."""
    named = {model for model, _ in policies}
    given = [*policies, *rest(*named)] if Customer in named else [*policies, customer(), *rest(*named)]
    found = said(declared(*given))
    # Orders name colleagues, who are no subjects here.
    found["E018"] = [message for message in found.get("E018", []) if "packed_by" not in message.msg]
    assert found.get(number), {key: [str(one.msg) for one in value] for key, value in found.items()}
    return [(str(message.msg), str(message.hint)) for message in found[number]]
