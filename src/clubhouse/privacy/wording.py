"""People's words for the engine's steps and effects, in the language of who reads them.

What a policy declares and what a run has recorded stays as it was written: the plan's digest and a receipt are the same
for everybody. It is translated here, when it is shown; ``bin/translate`` reads the declarations for its catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.apps import apps
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

#: Where the model's own name says too little: (model, fate) to words.
STEPS = {
    ("clients.Client", "subject"): _("the profile: name, addresses, phone numbers and all the rest"),
    ("schedule.Booking", "unlink"): _("“Booked by” on a buddy’s bookings"),
    ("schedule.WaitingListEntry", "delete"): _("places on waiting lists"),
    ("billing.Invoice", "unlink"): _("“Paid By” on others’ invoices"),
    ("memberships.Membership", "unlink"): _("“Paid By” on others’ memberships"),
    ("memberships.Package", "unlink"): _("“Paid By” on others’ packages"),
    ("audits.LogEntry", "unlink"): _("the name under audits about others"),
    ("accounts.User", "delete"): _("member sign-ins"),
    ("accounts.PasswordReset", "delete"): _("links for a new password"),
    ("accounts.AddressChange", "delete"): _("links for a new e-mail address"),
    ("axes.AccessAttempt", "delete"): _("failed sign-ins that were counted"),
    ("accounts.Session", "delete"): _("signed-in devices"),
    ("localisation.ReaderChoice", "delete"): _("the language and the time zone chosen"),
    ("audits.LogEntry", "delete"): "audits",
    ("clients.ClientLinking", "delete"): _("client linkings (Book a Buddy, Paid By, family, guardian)"),
    ("clients.ClientTrainer", "delete"): _("client trainers"),
    ("clients.Identity", "delete"): _("identities (social sign-ins)"),
    ("identities.Grant", "delete"): _("tokens of social sign-ins"),
    ("clients.ProfileImage", "delete"): _("profile images"),
    ("clients.ClientNote", "delete"): "notes",
    ("billing.StoredCard", "delete"): _("stored payment cards"),
    ("messaging.ClientMessage", "delete"): _("messages to the client, sent and queued"),
    ("messaging.Notification", "delete"): _("staff notifications about the client"),
}
#: What is done to rows that stay.
FATES: dict[str, StrOrPromise] = {
    "keep": _("{title}: personal details cleared"),
    "unlink": _("{title}: reference removed"),
    "subject": _("{title} anonymised"),
    "delete": "{title}",
}
#: Effects by kind.
EFFECTS = {
    "file.delete": _("Delete stored images"),
    "payment.cancel_subscription": _("Cancel subscriptions at the payment provider"),
    "payment.freeze_subscription": _("Freeze or unfreeze subscriptions at the payment provider"),
    "payment.charge_card": _("Take payments from stored cards"),
    "payment.refund": _("Send refunds to cards"),
    "payment.delete_customer": _("Delete the customer at the payment provider"),
    "identity.revoke": _("End social sign-ins at their providers"),
    "payment.detach_method": _("Remove stored cards at the payment provider"),
    "webhook.deliver": _("Tell other systems (webhooks)"),
    "webhook.complete": _("Tell other systems that all is done (webhooks)"),
    "staff.mail": _("Tell trainers and managers by mail"),
    "bytes.clean": _("Rewrite the database’s files, so that nothing deleted is left in them"),
    "residue.found": _("Tell administrators what still names the person"),
    "staff.tasks": _("Make tasks for the desk"),
    "residue.search": _("Search for what still names the person"),
    "schedule.offer_places": _("Offer freed places to the next in line"),
}


#: What an action counts beside what its label says, as its service names it.
COUNTED = (
    gettext_noop("bookings cancelled"),
    gettext_noop("appointments cancelled"),
    gettext_noop("credits returned"),
    gettext_noop("places given to the waiting list"),
    gettext_noop("places offered to the waiting list"),
    gettext_noop("lines to staff"),
    gettext_noop("waiting list entries removed"),
    gettext_noop("memberships cancelled"),
    gettext_noop("packages forfeited"),
    gettext_noop("credits forfeited"),
    gettext_noop("debts written off"),
    gettext_noop("account credits forfeited"),
    gettext_noop("messages to other systems"),
    gettext_noop("clients who need a new payer"),
    gettext_noop("clients who need a guardian"),
    gettext_noop("support requests closed"),
)
#: Why something was cancelled, written off or forfeited, where no colleague chose a reason.
REASONS = (gettext_noop("erasure"), gettext_noop("desk"), gettext_noop("member"))
#: What differs between a preview and the state found, where it is no kind of row.
CHANGED = (
    gettext_noop("the confirmation"),
    gettext_noop("the policy"),
    gettext_noop("the subjects"),
    gettext_noop("what must be settled"),
)
#: Causes that hold a number or a name: as they are recorded, and as they are said.
CAUSES = (
    (re.compile(r"it answered (?P<status>\d+)"), _("it answered %(status)s")),
    (re.compile(r"no answer \((?P<error>\w+)\)"), _("no answer (%(error)s)")),
    (re.compile(r"it does not name its (?P<name>\w+)"), _("it does not name its %(name)s")),
    (
        re.compile(r"The mail server did not take the mail \((?P<error>\w+)\)"),
        _("The mail server did not take the mail (%(error)s)"),
    ),
    (
        re.compile(r"The mail server asked to come back later for (?P<some>\d+) of (?P<all>\d+) mails"),
        _("The mail server asked to come back later for %(some)s of %(all)s mails"),
    ),
    (
        re.compile(r"The payment provider failed \(status (?P<status>\w+)\)"),
        _("The payment provider failed (status %(status)s)"),
    ),
    (
        re.compile(r"The payment provider refused \(status (?P<status>\w+)\)"),
        _("The payment provider refused (status %(status)s)"),
    ),
    (
        re.compile(r"The object store did not answer \((?P<error>\w+)\)"),
        _("The object store did not answer (%(error)s)"),
    ),
    (re.compile(r"The object store answered (?P<code>.+)"), _("The object store answered %(code)s")),
    (
        re.compile(r"The object store refused (?P<some>\d+) of (?P<all>\d+) deletions \((?P<code>.+)\)"),
        _("The object store refused %(some)s of %(all)s deletions (%(code)s)"),
    ),
    (
        re.compile(r"The endpoint answered (?P<status>\d+); redirects are not followed"),
        _("The endpoint answered %(status)s; redirects are not followed"),
    ),
    (re.compile(r"The endpoint answered (?P<status>\d+)"), _("The endpoint answered %(status)s")),
    (
        re.compile(r"The endpoint was not reached: no answer \((?P<error>\w+)\)"),
        _("The endpoint was not reached: no answer (%(error)s)"),
    ),
    # What nobody foresaw is recorded by its kind alone: its text may hold a person's data.
    (re.compile(r"(?P<error>[A-Z]\w+)"), _("Something failed that nobody foresaw (%(error)s)")),
)
#: A cause within a cause: what a provider did not do, and why.
TOLD = re.compile(r"The sign-in provider was not told: (?P<cause>.*)")
#: Causes that are always the same.
PLAIN_CAUSES = (
    gettext_noop("The mail server is slow; the rest is mailed at the next try"),
    gettext_noop("The worker ended in the middle of it"),
    gettext_noop("The object store still lists the file, or somebody is writing it"),
    gettext_noop("Another cleaning is running"),
    gettext_noop("Somebody has been reading from the database all the while, which keeps its log from emptying"),
    gettext_noop("Somebody else is writing to the database, or reads it in one long transaction"),
    gettext_noop("No room: a rewrite needs as much free room again as the database is large"),
    gettext_noop("The payment provider refused the key; check CLUBHOUSE_STRIPE_KEY"),
    gettext_noop("The payment provider asked to come back later"),
    gettext_noop("The payment provider could not redact the customer; its dashboard says what is in the way"),
    gettext_noop("The payment provider did not answer"),
    gettext_noop("The payment provider knows this under the other mode; CLUBHOUSE_STRIPE_KEY is a test or live key"),
    gettext_noop("The endpoint failed or was slow a moment ago and is left alone for a while"),
    gettext_noop("The endpoint answered 410 and was switched off"),
    gettext_noop("The endpoint was not reached: its certificate is not valid"),
    gettext_noop("The endpoint was not reached: it did not answer in time"),
)
REPLACED = re.compile(r"replaced by “(?P<value>.*)”")


def said(text: object) -> str:
    """A declared or recorded text in the reader's language; one that no catalogue has, as it is."""
    return gettext(str(text)) if text else ""


def sentence_case(text: str) -> str:
    """The first letter large, the others as they are: German nouns keep theirs."""
    return text[:1].upper() + text[1:]


def rows_words(model: str, title: StrOrPromise = "") -> str:
    """What the rows of a model are called, at the start of a line; ``title`` where it is none of ours."""
    try:
        return sentence_case(said(apps.get_model(model)._meta.verbose_name_plural))
    except (LookupError, ValueError):
        return sentence_case(said(title))


def what_words(what: str) -> str:
    """What becomes of a field, as the engine's strategies describe it."""
    found = REPLACED.fullmatch(what)
    return gettext("replaced by “%(value)s”") % found.groupdict() if found else said(what)


def cause_words(cause: str) -> str:
    """Why an effect has not worked yet, without its full stop."""
    plain = cause.rstrip(".")
    if found := TOLD.fullmatch(plain):
        return gettext("The sign-in provider was not told: %(cause)s") % {"cause": cause_words(found["cause"])}
    for pattern, words in CAUSES:
        if found := pattern.fullmatch(plain):
            return str(words) % found.groupdict()
    # A cause that is said on a form too is in the catalogue as a sentence, with its full stop.
    known = said(plain)
    return known if known != plain else said(f"{plain}.").rstrip(".")


def change_words(differences: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """The names of what has changed since a preview: rows, "rows: reference", or one of :data:`CHANGED`."""
    return {": ".join(said(part) for part in name.split(": ")): counts for name, counts in differences.items()}


def step_words(model: str, fate: str, title: StrOrPromise) -> str:
    """What a step does, as a line before a number."""
    words = STEPS.get((model, fate)) or FATES.get(fate, "{title}").format(title=rows_words(model, title))
    return sentence_case(said(words))


def effect_words(kind: str) -> str:
    """What an effect does, as a line of a list."""
    return str(EFFECTS.get(kind) or sentence_case(kind.replace(".", ": ").replace("_", " ")))
