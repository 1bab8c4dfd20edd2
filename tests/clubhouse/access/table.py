"""Who may do what: every address of the product, by the name of its view.

A line says: the view; what its address needs (a method of ``Ground``); the methods that it takes; who may; whether the
address is about a record of one business, which to a stranger of another does not exist.
"""

from __future__ import annotations

from typing import NamedTuple

TEAM = frozenset({"employee", "manager", "administrator_without_delete", "administrator"})
ADMINISTRATORS = frozenset({"administrator_without_delete", "administrator"})
DELETERS = frozenset({"administrator"})
OPERATOR = frozenset({"operator"})
MEMBER = frozenset({"member"})
ROLES = TEAM | OPERATOR | MEMBER


class Line(NamedTuple):
    """One address."""

    view: str
    needs: str
    methods: str
    who: frozenset[str]
    record: bool = False


FORM = "GET POST"
TABLE = [
    # --- clients ------------------------------------------------------------------------------------------------------
    Line("clients:list", "", "GET", TEAM),
    Line("clients:deleted", "", "GET", ADMINISTRATORS),
    Line("clients:new", "", FORM, TEAM),
    Line("clients:profile", "client", "GET", TEAM, True),
    Line("clients:information", "client", "GET", TEAM, True),
    Line("clients:image", "pictured", "GET", TEAM, True),
    Line("clients:delete", "client", "POST", DELETERS, True),
    Line("clients:edit", "client", FORM, TEAM, True),
    Line("clients:timeline", "client", "GET", TEAM, True),
    Line("clients:picture", "client", FORM, TEAM, True),
    Line("clients:add-linking", "client", FORM, TEAM, True),
    Line("clients:add-note", "client", "POST", TEAM, True),
    Line("clients:edit-note", "note", FORM, ADMINISTRATORS, True),
    Line("clients:delete-note", "note", "POST", ADMINISTRATORS, True),
    Line("clients:add-trainer", "client", "POST", TEAM, True),
    Line("clients:remove-trainer", "client_trainer", "POST", TEAM, True),
    Line("clients:remove-linking", "linking", "POST", TEAM, True),
    Line("users:list", "", "GET", ADMINISTRATORS),
    Line("users:profile", "client", "GET", ADMINISTRATORS, True),
    Line("users:edit", "client", FORM, ADMINISTRATORS, True),
    Line("users:consequences", "client", "GET", DELETERS, True),
    Line("users:colleague", "colleague", "GET", ADMINISTRATORS, True),
    Line("tasks:list", "", "GET", TEAM),
    Line("tasks:finish", "task", "POST", TEAM, True),
    # --- privacy ------------------------------------------------------------------------------------------------------
    Line("privacy:settings", "", FORM, ADMINISTRATORS),
    Line("privacy:outstanding", "", "GET", ADMINISTRATORS),
    Line("privacy:retry-all", "", "POST", ADMINISTRATORS),
    Line("privacy:retry", "overdue", "POST", ADMINISTRATORS),
    Line("privacy:explanation", "", "GET", ADMINISTRATORS),
    Line("privacy:already-deleted", "", "GET", ADMINISTRATORS),
    Line("privacy:residue", "client", "GET", DELETERS, True),
    Line("privacy:find-receipt", "", "GET", ADMINISTRATORS),
    Line("privacy:receipt", "receipt", "GET", ADMINISTRATORS, True),
    Line("privacy:progress", "receipt", "GET", ADMINISTRATORS, True),
    # --- schedule -----------------------------------------------------------------------------------------------------
    Line("schedule:day", "", "GET", TEAM),
    Line("schedule:add", "", FORM, TEAM),
    Line("schedule:edit-session", "session", FORM, TEAM, True),
    Line("schedule:cancel-session", "session", FORM, TEAM, True),
    Line("schedule:clubs", "", FORM, ADMINISTRATORS),
    Line("schedule:add-club", "", FORM, ADMINISTRATORS),
    Line("schedule:edit-club", "own_club", FORM, ADMINISTRATORS, True),
    Line("schedule:session", "session", "GET", TEAM, True),
    Line("schedule:mark", "place", "POST", TEAM, True),
    Line("schedule:cancel-place", "place", "POST", TEAM, True),
    Line("schedule:give-place", "waiting", "POST", TEAM, True),
    Line("schedule:make-offer", "waiting", "POST", TEAM, True),
    Line("schedule:remove-waiting", "waiting", "POST", TEAM, True),
    Line("schedule:cancel-booking", "booking", "POST", TEAM, True),
    Line("schedule:cancel-bookings", "client", "POST", TEAM, True),
    Line("schedule:leave-waiting-list", "entry", "POST", TEAM, True),
    # --- sales --------------------------------------------------------------------------------------------------------
    Line("memberships:price-list", "", "GET", ADMINISTRATORS),
    Line("memberships:add-item", "", FORM, ADMINISTRATORS),
    Line("memberships:edit-item", "item", FORM, ADMINISTRATORS, True),
    Line("memberships:retire-item", "item", "POST", ADMINISTRATORS, True),
    Line("memberships:offer-again", "item", "POST", ADMINISTRATORS, True),
    Line("memberships:sell", "client", FORM, ADMINISTRATORS, True),
    Line("memberships:freeze", "membership", FORM, ADMINISTRATORS, True),
    Line("memberships:unfreeze", "membership", "POST", ADMINISTRATORS, True),
    Line("memberships:end-with-period", "membership", "POST", ADMINISTRATORS, True),
    Line("memberships:cancel", "membership", "POST", ADMINISTRATORS, True),
    Line("memberships:set-payer", "membership", "POST", ADMINISTRATORS, True),
    Line("memberships:remove-payer", "membership", "POST", ADMINISTRATORS, True),
    Line("memberships:cancel-several", "client", "POST", ADMINISTRATORS, True),
    Line("memberships:forfeit-package", "package", "POST", ADMINISTRATORS, True),
    Line("memberships:forfeit-packages", "client", "POST", ADMINISTRATORS, True),
    Line("billing:client-invoices", "client", "GET", ADMINISTRATORS, True),
    Line("billing:invoice", "invoice", "GET", ADMINISTRATORS, True),
    Line("billing:charge-card", "invoice", "POST", ADMINISTRATORS, True),
    Line("billing:refund-payment", "payment", "POST", ADMINISTRATORS, True),
    Line("billing:pay-invoice", "invoice", "POST", ADMINISTRATORS, True),
    Line("billing:write-off-invoice", "invoice", "POST", ADMINISTRATORS, True),
    Line("billing:write-off-invoices", "client", "POST", ADMINISTRATORS, True),
    Line("billing:refund-credit", "credit", "POST", ADMINISTRATORS, True),
    Line("billing:forfeit-credit", "credit", "POST", ADMINISTRATORS, True),
    Line("billing:forfeit-credits", "client", "POST", ADMINISTRATORS, True),
    # --- reports, inbox -----------------------------------------------------------------------------------------------
    Line("reports:sessions", "", "GET", ADMINISTRATORS | {"manager"}),
    Line("reports:revenue", "", "GET", ADMINISTRATORS | {"manager"}),
    Line("reports:debt", "", "GET", ADMINISTRATORS | {"manager"}),
    Line("reports:held", "", "GET", ADMINISTRATORS | {"manager"}),
    Line("reports:roster", "session", "GET", ADMINISTRATORS | {"manager"}, True),
    Line("messages:inbox", "", "GET", TEAM),
    Line("messages:mark-read", "", "POST", TEAM),
    # --- the business's settings --------------------------------------------------------------------------------------
    Line("webhooks:list", "", "GET", ADMINISTRATORS),
    Line("webhooks:new", "", FORM, ADMINISTRATORS),
    Line("webhooks:endpoint", "endpoint", FORM, ADMINISTRATORS, True),
    Line("webhooks:rotate", "endpoint", "POST", ADMINISTRATORS, True),
    Line("webhooks:test", "endpoint", "POST", ADMINISTRATORS, True),
    Line("webhooks:remove", "endpoint", "POST", ADMINISTRATORS, True),
    Line("webhooks:resend", "delivery", "POST", ADMINISTRATORS, True),
    Line("team:settings", "", "GET", ADMINISTRATORS),
    Line("team:groups", "", "GET", ADMINISTRATORS),
    Line("team:new-group", "", FORM, ADMINISTRATORS),
    Line("team:group", "group", FORM, ADMINISTRATORS, True),
    Line("team:members", "", "GET", ADMINISTRATORS),
    Line("team:new-member", "", FORM, ADMINISTRATORS),
    Line("team:member", "colleague", FORM, ADMINISTRATORS, True),
    Line("team:activity", "colleague", "POST", ADMINISTRATORS, True),
    Line("team:make-link", "colleague", "POST", ADMINISTRATORS, True),
    Line("builds:list", "", "GET", ADMINISTRATORS),
    Line("builds:new", "", FORM, ADMINISTRATORS),
    Line("builds:edit", "build", FORM, ADMINISTRATORS, True),
    Line("builds:remove", "build", "POST", ADMINISTRATORS, True),
    Line("localisation:preferences", "", FORM, TEAM),
    Line("localisation:business", "", FORM, ADMINISTRATORS),
    Line("tokens:list", "", FORM, ADMINISTRATORS),
    Line("tokens:revoke", "token", "POST", ADMINISTRATORS, True),
    Line("embeds:sites", "", FORM, ADMINISTRATORS),
    Line("embeds:remove", "embed_site", "POST", ADMINISTRATORS, True),
    Line("openid-providers:list", "", "GET", ADMINISTRATORS),
    Line("openid-providers:new", "", FORM, ADMINISTRATORS),
    Line("openid-providers:edit", "provider", FORM, ADMINISTRATORS, True),
    Line("sign-ins", "", "GET", TEAM),
    Line("sign-out-everywhere", "", "POST", TEAM),
    Line("sign-in-settings", "", FORM, ADMINISTRATORS),
    Line("unlock", "colleagues_account", "POST", ADMINISTRATORS, True),
    # --- support ------------------------------------------------------------------------------------------------------
    Line("support:list", "", "GET", TEAM),
    Line("support:new", "", FORM, TEAM),
    Line("support:case", "case", FORM, TEAM, True),
    Line("support:withdraw", "case", "POST", TEAM, True),
    Line("operator:cases", "", "GET", OPERATOR),
    Line("operator:case", "case", "GET", OPERATOR),
    Line("operator:screenshot", "case", "GET", OPERATOR),
    Line("operator:ask", "case", "POST", OPERATOR),
    Line("operator:refuse", "case", "POST", OPERATOR),
    Line("operator:open", "case", "POST", OPERATOR),
    Line("operator:deletion", "case", FORM, OPERATOR),
    # --- the member app -----------------------------------------------------------------------------------------------
    Line("member-home", "", "GET", MEMBER),
    Line("member:home", "build_slug", "GET", MEMBER, True),
    Line("member:classes", "build_slug", "GET", MEMBER, True),
    Line("member:passes", "build_slug", "GET", MEMBER, True),
    Line("member:settings", "build_slug", "GET", MEMBER, True),
    Line("member:preferences", "build_slug", "GET", MEMBER, True),
    Line("member:details", "build_slug", FORM, MEMBER, True),
    Line("member:address", "build_slug", FORM, MEMBER, True),
    Line("member:messages", "build_slug", FORM, MEMBER, True),
    Line("member:language", "build_slug", FORM, MEMBER, True),
    Line("member:tokens", "build_slug", FORM, MEMBER, True),
    Line("member-sign-ins", "build_slug", "GET", MEMBER, True),
    Line("member-end-everywhere", "build_slug", "POST", MEMBER, True),
]

#: Addresses with a door of their own, and the tests that try it: signing in and what comes before it, one-time links,
#: the deletion that goes on after the sign-in has ended, what other systems call, and tokens.
ELSEWHERE = {
    "clubhouse/accounts/test_sign_in.py": ["home", "sign-in", "sign-out", "member-sign-in", "business-sign-in"],
    "clubhouse/accounts/test_passwords.py": [
        "password",
        "password-asked",
        "password-send",
        "password-choose",
        "member-password",
        "business-password",
        "business-member-sign-in",
    ],
    "clubhouse/accounts/test_addresses.py": ["address-confirm", "address-confirm-send"],
    "clubhouse/team/test_members.py": ["team:join", "team:join-send"],
    "clubhouse/localisation/test_choice.py": ["localisation:switch"],
    "clubhouse/outside/test_payments.py": ["stripe-hook"],
    "clubhouse/support/test_access.py": ["operator:sign-in", "operator:sign-out"],
    "clubhouse/schedule/test_access.py": ["schedule:book", "schedule:wait"],
    "clubhouse/member/test_access.py": [
        "member:manifest",
        "member:sign-in",
        "member:sign-out",
        "member:sign-up",
        "member:sign-up-mailed",
        "member:sign-up-send",
        "member:sign-up-finish",
        "member:book",
        "member:buddy",
        "member:wait",
        "member:cancel",
        "member:leave",
        "member:accept",
        "member:copy",
        "member:change-password",
        "member:code",
        "member:revoke-token",
    ],
    "clubhouse/member/test_deletion.py": [
        "member:delete",
        "member:delete-code",
        "member:deleted",
        "member:progress",
        "member:logout",
        "member:goodbye",
    ],
    "clubhouse/member/test_settling.py": ["member:settle", "member:settle-all"],
    "clubhouse/identities/test_sign_in.py": [
        "openid-back",
        "openid:set-out",
        "openid:finish",
        "openid:connect",
        "openid:disconnect",
    ],
    "clubhouse/metrics/test_metrics.py": ["metrics"],
}
