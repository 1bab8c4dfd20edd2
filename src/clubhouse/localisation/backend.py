"""Django's templates, shown on the reader's clock.

Only what is shown: a date that is written (the day a membership ends, the day of a payment) is the business's, whoever
presses the button and wherever they sit. So the reader's zone holds while a page is rendered, not in its view.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.template.backends import django as own
from django.utils import timezone


class Template(own.Template):
    """A template that asks the request for its reader's time zone."""

    def render(self, context: dict[str, Any] | None = None, request: HttpRequest | None = None) -> str:
        zone = getattr(request, "reader_zone", None)
        if zone is None:
            return super().render(context, request)
        with timezone.override(zone):
            return super().render(context, request)


class DjangoTemplates(own.DjangoTemplates):
    """The engine that makes them; its options are Django's."""

    def from_string(self, template_code: str) -> Template:
        return Template(self.engine.from_string(template_code), self)

    def get_template(self, template_name: str) -> Template:
        return Template(super().get_template(template_name).template, self)
