"""People's words for the engine's steps and effects."""

from __future__ import annotations

#: Where the model's own name says too little: (model, fate) to words.
STEPS = {
    ("clients.Client", "subject"): "the profile: name, addresses, phone numbers and all the rest",
    ("schedule.Booking", "unlink"): "“Booked by” on a buddy’s bookings",
    ("schedule.WaitingListEntry", "delete"): "places on waiting lists",
    ("billing.Invoice", "unlink"): "“Paid By” on others’ invoices",
    ("memberships.Membership", "unlink"): "“Paid By” on others’ memberships",
    ("memberships.Package", "unlink"): "“Paid By” on others’ packages",
    ("audits.LogEntry", "unlink"): "the name under audits about others",
    ("accounts.User", "delete"): "member sign-ins",
    ("accounts.PasswordReset", "delete"): "links for a new password",
    ("axes.AccessAttempt", "delete"): "failed sign-ins that were counted",
    ("accounts.Session", "delete"): "signed-in devices",
    ("audits.LogEntry", "delete"): "audits",
    ("clients.ClientLinking", "delete"): "client linkings (Book a Buddy, Paid By, family, guardian)",
    ("clients.ClientTrainer", "delete"): "client trainers",
    ("clients.Identity", "delete"): "identities (social sign-ins)",
    ("clients.ProfileImage", "delete"): "profile images",
    ("clients.ClientNote", "delete"): "notes",
    ("billing.StoredCard", "delete"): "stored payment cards",
    ("messaging.ClientMessage", "delete"): "messages to the client, sent and queued",
    ("messaging.Notification", "delete"): "staff notifications about the client",
}
#: What is done to rows that stay.
FATES = {
    "keep": "{title}: personal details cleared",
    "unlink": "{title}: reference removed",
    "subject": "{title} anonymised",
    "delete": "{title}",
}
#: Effects by kind.
EFFECTS = {
    "file.delete": "Delete stored images",
    "payment.cancel_subscription": "Cancel subscriptions at the payment provider",
    "payment.delete_customer": "Delete the customer at the payment provider",
    "payment.detach_method": "Remove stored cards at the payment provider",
    "webhook.deliver": "Tell other systems (webhooks)",
    "staff.mail": "Tell trainers and managers by mail",
    "schedule.offer_places": "Offer freed places to the next in line",
}


def step_words(model: str, fate: str, title: str) -> str:
    """What a step does, as a line before a number."""
    said = STEPS.get((model, fate)) or FATES.get(fate, "{title}").format(title=title)
    return said[:1].upper() + said[1:]


def effect_words(kind: str) -> str:
    """What an effect does, as a line of a list."""
    return EFFECTS.get(kind) or kind.replace(".", ": ").replace("_", " ").capitalize()
