"""What an erasure would do and what one did, in the words that people are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.http import Http404
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clubhouse.accounts.models import Business, User
from clubhouse.clients.erasure import RESOLVED_BY_ERASURE
from clubhouse.clients.models import Client
from clubhouse.privacy.lasting import Lasting, lasting
from clubhouse.privacy.models import ErasureReceipt
from clubhouse.privacy.progress import Progress, progress
from clubhouse.privacy.settle import COUNTED, where, words
from clubhouse.privacy.wording import rows_words, said, sentence_case, step_words
from clubhouse.templatetags.house import money
from lethe import pipeline
from lethe.models import Receipt, Run
from lethe.plan import plan_for
from lethe.preview import Finding, Preview
from lethe.steps import Step


# --- before -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Item:
    """A blocker or a consequence: how many, what they are worth, and where it is settled."""

    name: str
    label: str
    count: int
    worth: str
    url: str
    link: str


@dataclass(frozen=True)
class Line:
    """One kind of row and how many of them."""

    label: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What stays, why, and until when ("" where it has no end)."""

    title: str
    reasons: tuple[str, ...]
    until: str
    count: int | None = None


@dataclass(frozen=True, kw_only=True)
class Look:
    """A scan of one client, ready for a page."""

    blockers: list[Item]
    consequences: list[Item]
    removed: list[Line]
    kept: list[Kept]
    fingerprint: str
    already: bool

    @property
    def blocked(self) -> bool:
        """Whether something has to be settled first."""
        return bool(self.blockers)


def look(client: Client) -> Look:
    """Scan a client for what stands in the way, what an erasure would do, and what it would keep (rows H3-H8, P8).

    A fixed number of queries, however much the client has; nothing is written.
    """
    preview: Preview = pipeline.preview(Client, [client.pk])
    items = [(finding, _item(finding, client)) for finding in preview.findings]
    return Look(
        blockers=[item for finding, item in items if finding.blocks],
        # What an action settles is said by the action; said twice it would read as twice as much.
        consequences=[_item(action, client) for action in preview.actions]
        + [item for finding, item in items if not finding.blocks and finding.name not in RESOLVED_BY_ERASURE],
        removed=_lines({step.name: step.count for step in preview.steps if step.fate != "keep"}),
        kept=kept_entries(Counter({step.model: step.count for step in preview.steps if step.fate == "keep"})),
        fingerprint=preview.fingerprint,
        already=bool(preview.already),
    )


def _item(finding: Finding, client: Client) -> Item:
    return Item(
        name=finding.name,
        label=said(finding.label),
        count=finding.count,
        worth=_worth(finding),
        url=where(finding.name, client.pk),
        link=str(words(finding.name)),
    )


def _worth(finding: Finding) -> str:
    """An amount as people read it: money where it has a currency, else a number of what is counted; "" without one."""
    if finding.amount is None:
        return ""
    if finding.unit:
        return money(finding.amount, finding.unit)
    figure = number_format(finding.amount.normalize(), use_l10n=True)
    if finding.name in COUNTED:
        return ngettext("%(figure)s credit", "%(figure)s credits", int(finding.amount)) % {"figure": figure}
    return figure


def _steps() -> dict[str, Step]:
    return {step.name: step for step in plan_for(Client, "default").steps}


def _lines(counts: dict[str, int]) -> list[Line]:
    """Counts by step as lines in people's words; steps that mean the same are added up."""
    steps = _steps()
    lines: dict[str, int] = {}
    for name, count in sorted(counts.items(), key=lambda item: item[0] != Client._meta.label):
        if count:
            step = steps.get(name)
            label = step_words(step.model, step.fate, step.title) if step else _action_words(name)
            lines[label] = lines.get(label, 0) + count
    return [Line(label, count) for label, count in lines.items()]


def _action_words(name: str) -> str:
    """A count that one of the club's own actions gave: ``action: what``."""
    action, _, what = name.partition(": ")
    labels = {check.name: check.label for check in plan_for(Client, "default").checks}
    return sentence_case(said(what if what and what != action else labels.get(action, action)))


def kept_entries(counts: Mapping[str, int] | None = None) -> list[Kept]:
    """What an erasure keeps and why, from the policies, one entry for each kind of row.

    With counts by model, only what there is; without, whatever it may be. The record itself comes first.
    """
    reasons: dict[str, dict[str, None]] = {}
    entries = [entry for entry in pipeline.explain(Client).kept if entry.what == "kept"]
    entries.sort(key=lambda entry: entry.model != Client._meta.label)
    for entry in entries:
        reasons.setdefault(entry.model, {})[entry.reason] = None
    found = []
    for model, reasons_of in reasons.items():
        first = next(entry for entry in entries if entry.model == model)
        own = model == Client._meta.label
        count = None if counts is None or own else counts.get(model, 0)
        if count != 0:
            title = _("The record, without its person") if own else rows_words(model, first.title)
            found.append(
                Kept(
                    title=title,
                    reasons=tuple(said(reason) for reason in reasons_of),
                    until=said(first.until),
                    count=count,
                )
            )
    return found


#: What an action counts and the list of effects tells anyway.
TOLD_BELOW = ": messages to other systems"


# --- after ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Result:
    """One erasure as its receipt tells it: what it settled first, what went, what was emptied, what stays (row P11)."""

    receipt: Receipt
    run: Run
    settled: list[Line]
    removed: list[Line]
    cleared: list[Line]
    kept: list[Kept]
    lasting: list[Lasting]
    progress: Progress

    @property
    def others(self) -> int:
        """How many others the same transaction erased: the counts are of all of them."""
        return self.run.subjects - 1


def as_number(text: str) -> str:
    """A receipt number as somebody typed it, as it was given: four groups of five with dashes between them."""
    signs = "".join(sign for sign in text.upper() if sign.isalnum())
    return "-".join(signs[start : start + 5] for start in range(0, len(signs), 5))


def receipt_of(business: Business, number: str) -> Receipt:
    """A receipt of this business. Raises ``Http404`` for another's.

    Of an erasure from before the note of whose it is was part of its transaction, the account that ordered it says so.
    """
    receipt = Receipt.objects.select_related("run").filter(number=number.upper()).first()
    if receipt is None:
        raise Http404
    if ErasureReceipt.objects.filter(business=business, number=receipt.number).exists():
        return receipt
    kind, _, key = receipt.run.by.partition(":")
    if kind == "account" and key.isdecimal() and User.objects.filter(pk=int(key), business=business).exists():
        return receipt
    raise Http404


def result(receipt: Receipt) -> Result:
    """Everything the result page shows. It says nothing of the person: the receipt does not know who it was."""
    steps = _steps()
    counts: dict[str, int] = receipt.run.counts
    # An action's count has no step; what it settled is told apart from what went.
    settled = {name: n for name, n in counts.items() if name not in steps and not name.endswith(TOLD_BELOW)}
    cleared = {name: count for name, count in counts.items() if name in steps and steps[name].fate == "keep"}
    return Result(
        receipt=receipt,
        run=receipt.run,
        settled=_lines(settled),
        removed=_lines({name: n for name, n in counts.items() if name in steps and name not in cleared}),
        cleared=_lines(cleared),
        kept=kept_entries(),
        lasting=lasting(),
        progress=progress(receipt.run),
    )
