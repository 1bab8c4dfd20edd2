"""Rules: what one row must not share with another, or with what is there, beyond its id.

A rule sees the rows of its file in order, once each, and only those that may be written; it gives the column and the
reason, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from clubhouse.imports import layout as files
from clubhouse.imports.clean import Cleaned, Row
from clubhouse.imports.existing import Known
from clubhouse.schedule.models import Booking
from clubhouse.team.models import StaffMember

Problem = tuple[str, str]
Rule = Callable[[Row], Problem | None]


def rules_for(known: Known, cleaned: Mapping[str, Cleaned]) -> dict[str, Rule]:
    """The rules of one import, by file. They remember what they have seen, so each import needs its own."""
    return {
        files.TEAM: _team(known),
        files.CLIENTS: _clients(known),
        files.BOOKINGS: _bookings(known),
        files.PACKAGES: _packages,
        files.PAYMENTS: _payments(known, cleaned),
    }


def _team(known: Known) -> Rule:
    address = _address_once(known.team_emails, "colleague")

    def rule(row: Row) -> Problem | None:
        group = known.groups.get(row["access_group"])
        if row["delete_accounts"] and row["role"] != StaffMember.Role.ADMINISTRATOR:
            return "delete_accounts", "is yes for somebody who is not an administrator; change it or the role"
        if row["delete_accounts"] and group and not group.delete_accounts:
            # An import must not widen what colleagues may do who are there already.
            return "delete_accounts", "is yes and the access group exists without it; switch it on in the Team settings"
        if row["role"] == StaffMember.Role.ADMINISTRATOR and group and group.account_type != row["role"]:
            return "access_group", "exists and is not one of administrators; name another, or change the role"
        return address(row)

    return rule


def _clients(known: Known) -> Rule:
    return _address_once(known.client_emails, "client")


def _address_once(taken: frozenset[str], who: str) -> Rule:
    """An address may occur once, whatever its case."""
    lines: dict[str, int] = {}

    def rule(row: Row) -> Problem | None:
        address = row["email"].lower()
        if not address:
            return None
        if address in taken:
            return "email", f"is the address of another {who} of the business; correct it, or leave the row out"
        if (first := lines.setdefault(address, row.line)) != row.line:
            return "email", f"is the address on line {first} too, but for upper and lower case; correct one of them"
        return None

    return rule


def _bookings(known: Known) -> Rule:
    lines: dict[tuple[str, str], int] = {}

    def rule(row: Row) -> Problem | None:
        if row["status"] != Booking.Status.BOOKED:
            return None
        place = (row["session_id"], row["client_id"])
        if place in known.live_bookings:
            return "client_id", "has a place in this session already; leave the row out"
        if (first := lines.setdefault(place, row.line)) != row.line:
            return "client_id", f"has a place in this session already, on line {first}; leave one of them out"
        return None

    return rule


def _packages(row: Row) -> Problem | None:
    if row["credits_used"] > row["credits_total"]:
        return "credits_used", "is more than credits_total; correct one of them"
    return None


def _payments(known: Known, cleaned: Mapping[str, Cleaned]) -> Rule:
    lines: dict[tuple[str, str], int] = {}
    in_file = cleaned[files.CLIENTS].rows if files.CLIENTS in cleaned else ()
    # Where a client is there already, that client's club counts, not the one in the file.
    clubs = {row["client_id"]: row["home_club"] for row in in_file} | dict(known.home_clubs)

    def rule(row: Row) -> Problem | None:
        number = (clubs.get(row["client_id"], ""), row["number"])
        if number in known.invoice_numbers:
            return "number", "is that of another invoice of the client's club; correct it, or leave the row out"
        if (first := lines.setdefault(number, row.line)) != row.line:
            return "number", f"is that of line {first} too, in the same club; correct one of them"
        return None

    return rule
