"""OpenID Connect, as far as a club needs it: discovery, the code flow with PKCE, the ID token, and revocation.

Every function here calls the provider, so none is called while a transaction is open.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from authlib.common.errors import AuthlibBaseError
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import gettext as _
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from clubhouse.identities.models import Provider
from clubhouse.identities.sealing import unseal
from clubhouse.identities.wire import NotReached, ProviderSession, get_json, said_kindly

#: How long what a provider says of itself is believed, in seconds; how far clocks may differ.
BELIEVED, LEEWAY = 3600, 60
#: Signatures by a key of the provider's. Neither "none" nor a shared secret is one.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
#: What a provider says of a token that is of no use any more.
GONE = {"invalid_token", "invalid_grant", "unsupported_token_type"}


class Refused(Exception):
    """The provider's answer does not prove who it was. Nothing is believed of it; the message names no person."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where to send the browser, and what its session has to remember until it comes back."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, kw_only=True)
class Said:
    """Who somebody is at the provider, and the token that came along ("" where there is none to revoke)."""

    subject: str
    email: str
    first_name: str
    last_name: str
    token: str
    kind: str


def is_apple(provider: Provider) -> bool:
    """Whether this is Sign in with Apple, which signs its requests and has a revocation address of its own."""
    return provider.issuer == settings.APPLE_ISSUER


# --- what the provider says of itself ---------------------------------------------------------------------------------
def discover(issuer: str, *, fresh: bool = False) -> dict[str, Any]:
    """The provider's metadata, kept for an hour. Raises :class:`~clubhouse.identities.wire.NotReached`."""
    place = _place("metadata", issuer)
    known: dict[str, Any] | None = None if fresh else cache.get(place)
    if known is None:
        known = get_json(ProviderSession(), issuer.rstrip("/") + "/.well-known/openid-configuration")
        if known.get("issuer") != issuer:
            raise NotReached(_("it says that its issuer is another one; copy the issuer exactly"))
        wanting = [name for name in NEEDED if urlsplit(str(known.get(name, ""))).scheme not in {"https", "http"}]
        if wanting:
            raise NotReached(_("it does not name its %(name)s") % {"name": wanting[0]})
        cache.set(place, known, BELIEVED)
    return known


def _keys(issuer: str, *, fresh: bool = False) -> KeySet:
    place = _place("keys", issuer)
    known = None if fresh else cache.get(place)
    if known is None:
        known = get_json(ProviderSession(), discover(issuer)["jwks_uri"])
        cache.set(place, known, BELIEVED)
    try:
        return KeySet.import_key_set(known)  # type: ignore[arg-type]
    except (JoseError, ValueError, KeyError, TypeError):
        raise NotReached(_("its keys cannot be read")) from None


def _place(what: str, issuer: str) -> str:
    return f"openid:{what}:{hashlib.sha256(issuer.encode()).hexdigest()}"


# --- the code flow ----------------------------------------------------------------------------------------------------
def start(provider: Provider, *, redirect_uri: str) -> Start:
    """Begin a sign-in at the provider. Raises :class:`NotReached` where it does not answer."""
    metadata = discover(provider.issuer)
    nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    # Apple hands the address over only with this mode, and only by a form that it posts.
    more = {"response_mode": "form_post"} if is_apple(provider) else {}
    scope = "openid email name" if is_apple(provider) else "openid email profile"
    session = ProviderSession(provider.client_id, scope=scope, redirect_uri=redirect_uri, code_challenge_method="S256")
    url, state = session.create_authorization_url(
        metadata["authorization_endpoint"], nonce=nonce, code_verifier=verifier, **more
    )
    return Start(url=url, state=state, nonce=nonce, verifier=verifier)


def finish(provider: Provider, *, code: str, nonce: str, verifier: str, redirect_uri: str) -> Said:
    """Exchange the code and check the ID token. Raises :class:`Refused` and :class:`NotReached`."""
    metadata = discover(provider.issuer)
    session = _session(provider, metadata, redirect_uri=redirect_uri)
    try:
        with said_kindly():
            token = session.fetch_token(
                metadata["token_endpoint"], grant_type="authorization_code", code=code, code_verifier=verifier
            )
    except (AuthlibBaseError, ValueError):
        raise Refused("The provider did not accept the sign-in.") from None
    claims = _claims(provider, str(token.get("id_token", "")), nonce)
    kind = "refresh_token" if token.get("refresh_token") else "access_token"
    ends = is_apple(provider) or bool(metadata.get("revocation_endpoint"))
    verified = claims.get("email_verified") in {True, "true"}
    return Said(
        subject=claims["sub"],
        email=str(claims.get("email", "")).strip()[:254] if verified else "",
        first_name=str(claims.get("given_name", "") or claims.get("name", ""))[:300].strip(),
        last_name=str(claims.get("family_name", ""))[:300].strip(),
        # A token that nobody could revoke is not kept at all.
        token=str(token.get(kind, "")) if ends else "",
        kind=kind,
    )


def _claims(provider: Provider, id_token: str, nonce: str) -> dict[str, Any]:
    rules = jwt.JWTClaimsRegistry(
        leeway=LEEWAY,
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True, "value": provider.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    for fresh in (False, True):
        try:
            claims = jwt.decode(id_token, _keys(provider.issuer, fresh=fresh), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError, KeyError, TypeError):
            # The provider may have drawn new keys since we asked.
            continue
        try:
            rules.validate(claims)
        except JoseError as error:
            raise Refused(f"The provider’s ID token does not hold ({type(error).__name__}).") from None
        party = claims.get("azp", provider.client_id)
        subject = claims["sub"]
        if party != provider.client_id or not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise Refused("The provider’s ID token is not for this club.")
        return dict(claims)
    raise Refused("The provider’s ID token is not signed by it.")


def _session(provider: Provider, metadata: dict[str, Any], **more: Any) -> ProviderSession:
    ways = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    secret = apple_secret(provider) if is_apple(provider) else unseal(provider.secret_sealed)
    if not secret:
        way = "none"
    elif is_apple(provider) or "client_secret_basic" not in ways:
        way = "client_secret_post"
    else:
        way = "client_secret_basic"
    return ProviderSession(
        provider.client_id,
        secret or None,
        token_endpoint_auth_method=way,
        revocation_endpoint_auth_method=way,
        **more,
    )


def apple_secret(provider: Provider, *, now: datetime.datetime | None = None) -> str:
    """Apple's client secret: a token of five minutes, signed with the key that Apple gave the business."""
    at = int((now or timezone.now()).timestamp())
    said = {
        "iss": provider.apple_team,
        "iat": at,
        "exp": at + 300,
        "aud": settings.APPLE_ISSUER,
        "sub": provider.client_id,
    }
    key = ECKey.import_key(unseal(provider.secret_sealed))
    return jwt.encode({"alg": "ES256", "kid": provider.apple_key}, said, key, algorithms=["ES256"])


# --- the end ----------------------------------------------------------------------------------------------------------
def revoke(provider: Provider, token: str, kind: str) -> str:
    """Revoke a token (RFC 7009, or Apple's own call); returns what became of it. Can be called twice.

    Raises :class:`NotReached` where it has to be tried again; the message says what to mend.
    """
    metadata = {} if is_apple(provider) else discover(provider.issuer)
    endpoint = settings.APPLE_REVOKE if is_apple(provider) else metadata.get("revocation_endpoint")
    if not endpoint:
        return "the provider has no way to revoke"
    with said_kindly():
        answer = _session(provider, metadata).revoke_token(endpoint, token=token, token_type_hint=kind)
    if answer.status_code == 200:
        return "revoked"
    error = _error(answer)
    if 400 <= answer.status_code < 500 and error in GONE:
        return "was revoked or had run out before"
    if answer.status_code == 401 or error == "invalid_client":
        raise NotReached(_("it refused the client ID or the secret; check them under Team settings > Sign in with"))
    raise NotReached(_("it answered %(status)s") % {"status": answer.status_code})


def _error(answer: Any) -> str:
    try:
        said = answer.json()
    except ValueError:
        return ""
    return str(said.get("error", "")) if isinstance(said, dict) else ""
