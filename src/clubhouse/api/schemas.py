"""What goes in and out of the API. No error quotes what was sent."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

#: Keys of rows, and text that a database takes.
Key = Annotated[int, Field(ge=1, le=2**63 - 1)]
Text = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")]
Query = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
Page = Annotated[int, Field(ge=1, le=1_000_000)]


class In(Schema):
    """What a client sends; a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class ProblemOut(Schema):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] | None = Field(None, description="With 422: where, and what is wrong there.")
    blockers: list[BlockerOut] | None = Field(None, description="With 409: what has to be settled first.")
    changes: list[ChangeOut] | None = Field(None, description="With 409: what changed since the preview.")


class BlockerOut(Schema):
    """Something that has to be settled before a deletion, or that the deletion settles."""

    name: str
    label: str
    count: int
    worth: str


class ChangeOut(Schema):
    """A count that is not the previewed one."""

    name: str
    previewed: int
    now: int


class LineOut(Schema):
    """A kind of row and how many."""

    label: str
    count: int


class KeptOut(Schema):
    """What stays, why and until when ("" where it has no end)."""

    title: str
    count: int | None
    reasons: list[str]
    until: str


class PreviewOut(Schema):
    """What a deletion would do. ``fingerprint`` stands for exactly this, and the deletion asks for it."""

    fingerprint: str
    blockers: list[BlockerOut]
    settles: list[BlockerOut]
    removed: list[LineOut]
    kept: list[KeptOut]


class ClientPreviewOut(PreviewOut):
    """The preview of a client's deletion. ``proof``: ``password`` where the business asks for the own password once
    more, "" where it does not."""

    proof: str


class OwnPreviewOut(PreviewOut):
    """The preview of one's own deletion, and what confirms it: ``password`` or ``code``."""

    proof: str


class ErasedOut(Schema):
    """A deletion. ``already``: the client had been deleted before, and nothing was changed."""

    receipt: str
    already: bool


class ClubOut(Schema):
    """A club."""

    id: int
    name: str
    town: str
    timezone: str


class ProfileOut(Schema):
    """One's own profile."""

    number: str
    first_name: str
    last_name: str
    email: str
    mobile_no: str
    phone_no: str
    dob: datetime.date | None
    address_1: str
    address_2: str
    address_3: str
    town: str
    postcode: str
    country: str
    joined_on: datetime.date
    marketing_opt_in: bool
    home_club: ClubOut


class SessionOut(Schema):
    """A class."""

    id: int
    title: str
    club: int
    trainer: str
    starts_at: datetime.datetime
    minutes: int


class ClassOut(SessionOut):
    """A class of a day: free places, and one's own booking or place in the waiting list."""

    free: int
    over: bool
    booking: int | None
    waiting: int | None


class BookingOut(Schema):
    """A place."""

    id: int
    status: str
    session: SessionOut


class WaitingOut(Schema):
    """A place in a waiting list; ``offered_until`` where a place is on offer."""

    id: int
    position: int
    offered_until: datetime.datetime | None
    session: SessionOut


class SessionIn(In):
    """Which class."""

    session: Key


class ConfirmIn(In):
    """The last step of one's own deletion."""

    fingerprint: Text = Field(description="Of the preview that was shown.")
    password: Text = Field("", description="Where the preview's ``proof`` is ``password``.")
    code: Text = Field("", description="Where it is ``code``: the one that was mailed.")


class EraseIn(In):
    """The last step of a client's deletion."""

    fingerprint: Text = Field(min_length=1, description="Of the preview that was shown.")
    password: Text = Field(
        "", description="Where the preview's ``proof`` is ``password``: of the person whose token it is."
    )


class ClientOut(Schema):
    """A client, as a search shows it."""

    id: int
    number: str
    name: str
    email: str
    status: str
    home_club: str


class ClientsOut(Schema):
    """One page of a search."""

    total: int
    page: int
    pages: int
    clients: list[ClientOut]


class SaidOut(Schema):
    """What was done, in words."""

    detail: str


ProblemOut.model_rebuild()
