"""What a browser's session holds between the sign-in page and the account: sealed, for a quarter of an hour at most."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict, dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from clubhouse.identities.protocol import Said, Start
from clubhouse.identities.sealing import Unreadable, seal, unseal

ON_THE_WAY, ARRIVED = "openid_on_the_way", "openid_arrived"
LASTS = datetime.timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class OnTheWay:
    """A browser that was sent to a provider: with which it set out, and where it wants to go."""

    build: str
    provider: int
    state: str
    nonce: str
    verifier: str
    wanted: str


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """A browser that came back from a provider with an identity that has no account here yet."""

    build: str
    provider: int
    said: Said


def set_out(request: HttpRequest, start: Start, *, build: str, provider: int, wanted: str) -> None:
    """Remember a journey; one that was under way in this browser is forgotten."""
    journey = OnTheWay(
        build=build, provider=provider, state=start.state, nonce=start.nonce, verifier=start.verifier, wanted=wanted
    )
    _put(request, ON_THE_WAY, asdict(journey))


def come_back(request: HttpRequest) -> OnTheWay | None:
    """The journey of this browser, once; None where there is none, or it took too long."""
    found = _get(request, ON_THE_WAY)
    forget(request, ON_THE_WAY)
    return OnTheWay(**found) if found else None


def arrive(request: HttpRequest, *, build: str, provider: int, said: Said) -> None:
    """Remember who came back until there is an account."""
    _put(request, ARRIVED, {"build": build, "provider": provider, "said": asdict(said)})


def arrived(request: HttpRequest, *, build: str) -> Arrived | None:
    """Who came back to this build and has no account yet."""
    found = _get(request, ARRIVED)
    if not found or found["build"] != build:
        return None
    return Arrived(build=build, provider=found["provider"], said=Said(**found["said"]))


def forget(request: HttpRequest, *names: str) -> None:
    """Forget what the session holds."""
    for name in names or (ON_THE_WAY, ARRIVED):
        request.session.pop(name, None)


def _put(request: HttpRequest, name: str, value: dict[str, object]) -> None:
    request.session[name] = seal(json.dumps(value | {"at": timezone.now().timestamp()}))


def _get(request: HttpRequest, name: str) -> dict[str, Any] | None:
    try:
        found = json.loads(unseal(request.session.get(name, "")) or "null")
    except (Unreadable, ValueError):
        return None
    if not found or timezone.now().timestamp() - found.pop("at") > LASTS.total_seconds():
        return None
    return dict(found)
