"""The house's own template tags: icons, money, dialogs, and the classes of a form's field."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, RadioSelect
from django.template.base import FilterExpression, Node, NodeList, Parser, Token, token_kwargs
from django.template.context import Context
from django.utils.formats import get_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

register = template.Library()

ICONS = Path(__file__).resolve().parent.parent / "static" / "clubhouse" / "vendor" / "lucide"
SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$"}
#: What a state looks like. The word is always there too.
TONES = {
    "active": "good",
    "attended": "good",
    "paid": "good",
    "succeeded": "good",
    "booked": "good",
    "conducted": "quiet",
    "scheduled": "good",
    "outstanding": "notice",
    "failed": "notice",
    "disputed": "notice",
    "frozen": "notice",
    "no_show": "notice",
    "late_cancelled": "notice",
}


@functools.cache
def _drawing(name: str) -> str:
    """The inner part of one icon's file. Raises LookupError naming the icon where there is none."""
    try:
        source = (ICONS / f"{name}.svg").read_text()
    except OSError:
        raise LookupError(f"There is no icon {name!r}. Icons are the files in {ICONS.name}/.") from None
    found = re.search(r"<svg[^>]*>(.*)</svg>", source, re.DOTALL)
    return re.sub(r"\s+", " ", found.group(1) if found else "").strip()


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """One icon, drawn in the page. Without a label it is decoration, and screen readers pass it by."""
    naming = format_html('role="img" aria-label="{}"', label) if label else 'aria-hidden="true"'
    return mark_safe(  # noqa: S308 - the drawing is our own file, and the label is escaped above
        f'<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round" '
        f'stroke-linejoin="round" {naming}>{_drawing(name)}</svg>'
    )


@register.filter
def money(amount: Decimal | int | float | None, currency: str = "GBP") -> str:
    """An amount with its currency as the reader writes it, ``£1,234.50`` or ``1.234,50 €``; nothing for None."""
    if amount is None:
        return ""
    figure = number_format(abs(Decimal(amount)), decimal_pos=2, use_l10n=True, force_grouping=True)
    sign = "−" if amount < 0 else ""
    # A currency without a sign of its own is named by its code, with a space where none stands already.
    symbol = SYMBOLS.get(currency, f"{currency}\N{NO-BREAK SPACE}")
    pattern = str(get_format("MONEY_FORMAT"))
    return pattern.format(sign=sign, symbol=symbol, figure=figure).rstrip()


@register.filter
def tone(state: object) -> str:
    """The look of a state's chip: ``good``, ``notice`` or ``quiet``."""
    return TONES.get(str(state), "quiet")


@register.filter
def initials(name: str) -> str:
    """Up to two letters to stand for a picture."""
    words = [word for word in str(name).split() if word[:1].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@register.simple_tag
def payment_provider() -> bool:
    """Whether a payment provider is connected: what nobody can be asked is not offered, and the page says why."""
    from clubhouse.billing.provider import gateway

    return gateway.connected()


@register.simple_tag
def control(field: BoundField) -> SafeString:
    """A form's field, tied to its hint and its error for those who cannot see where they stand."""
    described = [f"{field.auto_id}_hint"] if field.help_text else []
    attributes: dict[str, Any] = {}
    if field.errors:
        described.append(f"{field.auto_id}_error")
        attributes["aria-invalid"] = "true"
    if described:
        attributes["aria-describedby"] = " ".join(described)
    return field.as_widget(attrs=attributes)


@register.filter
def kind(field: BoundField) -> str:
    """How a field is laid out: ``check`` (box before its label), ``radio`` (a group) or ``plain``."""
    widget = field.field.widget
    if isinstance(widget, CheckboxInput):
        return "check"
    return "radio" if isinstance(widget, RadioSelect) else "plain"


@register.filter
def sentence(words: Iterable[object]) -> str:
    """``a, b and c``."""
    items = [str(word) for word in words]
    if len(items) < 2:
        return "".join(items)
    return _("%(several)s and %(last)s") % {"several": ", ".join(items[:-1]), "last": items[-1]}


class DialogNode(Node):
    """Renders ``components/dialog.html`` around what stands between the tags."""

    def __init__(self, nodes: NodeList, options: dict[str, FilterExpression]) -> None:
        self.nodes = nodes
        self.options = options

    def render(self, context: Context) -> str:
        values = {name: value.resolve(context) for name, value in self.options.items()}
        with context.push():
            body = self.nodes.render(context)
        found = context.template.engine.get_template("components/dialog.html")  # type: ignore[union-attr]
        with context.push(body=body, **values):
            return found.render(context)


@register.tag
def dialog(parser: Parser, token: Token) -> DialogNode:
    """``{% dialog id="…" title="…" close="address after closing" open=True %} … {% enddialog %}``.

    ``switches_off`` names a switch that goes back to OFF when the dialog closes; ``opener`` names the element that gets
    the focus back. Without a script an open dialog is a panel in the page, and its X is a link to ``close``.
    """
    options = token_kwargs(token.split_contents()[1:], parser)
    if missing := {"id", "title", "close"} - options.keys():
        raise template.TemplateSyntaxError(f"{{% dialog %}} needs {', '.join(sorted(missing))}.")
    nodes = parser.parse(("enddialog",))
    parser.delete_first_token()
    return DialogNode(nodes, options)
