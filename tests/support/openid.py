"""A real OpenID provider on loopback, from authlib's own server classes.

PKCE is demanded, a code works once, tokens are revoked by RFC 7009. The same server plays Apple, and then checks the
signature of the client secret.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import requests
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import AuthorizationCodeMixin
from authlib.oidc.core.grants import OpenIDCode
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server

CLIENT, SECRET = "harbour-gym", "the-secret-of-the-club"


@dataclass(kw_only=True)
class Registered(ClientMixin):
    """The club, as the provider knows it. ``apple_key`` makes it Apple's way of proving who asks."""

    provider: Provider
    redirect_uri: str = ""
    apple_key: ECKey | None = None

    def get_client_id(self) -> str:
        return CLIENT

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        if self.apple_key is None:
            return client_secret == SECRET
        try:
            token = jwt.decode(client_secret, self.apple_key, algorithms=["ES256"])
        except JoseError:
            return False
        said, now = token.claims, time.time()
        wanted = {"iss": "TEAM123456", "sub": CLIENT, "aud": self.provider.issuer}
        return token.header["kid"] == "KEY1234567" and wanted.items() <= said.items() and said["exp"] > now

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in {"client_secret_post"} if self.apple_key else method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in {"authorization_code", "refresh_token"}


@dataclass(kw_only=True)
class Code(AuthorizationCodeMixin):
    code: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    user: dict[str, Any]

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> str:
        return ""

    def get_amr(self) -> list[str]:
        return []


@dataclass(kw_only=True)
class Token(TokenMixin):
    value: str
    subject: str
    revoked: bool = False

    def check_client(self, client: Registered) -> bool:
        return True

    def get_scope(self) -> str:
        return "openid"


def new_key(name: str) -> RSAKey:
    """A signing key."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


@dataclass(kw_only=True)
class Provider:
    """The provider's state, which a test reads and bends.

    ``person`` is whoever signs in at it next; ``published`` is the key that it says it signs with, where that is
    another one than ``key``.
    """

    issuer: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: new_key("first"))
    published: RSAKey | None = None
    client: Registered = field(init=False)
    codes: dict[str, Code] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    refresh: bool = True
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    revocation: tuple[int, dict[str, str]] | None = None
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = Registered(provider=self)

    @property
    def live(self) -> list[str]:
        """Tokens that still open something."""
        return [token.value for token in self.tokens.values() if not token.revoked]

    def consent(self, address: str) -> str:
        """What a browser does at the provider: follow the link, agree, and be sent back; returns to where."""
        answer = requests.get(address, allow_redirects=False, timeout=20)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]


class Quiet(WSGIRequestHandler):
    """Requests hold codes, and a test's output must not."""

    def log_request(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def provider() -> Iterator[Provider]:
    """Run a provider on a free loopback port while the block runs."""
    # It speaks plain HTTP here, which authlib's server refuses unless told.
    before = os.environ.get("AUTHLIB_INSECURE_TRANSPORT")
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    state = Provider()
    server = make_server("127.0.0.1", 0, _app(state), threaded=True, request_handler=Quiet)
    state.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        if before is None:
            del os.environ["AUTHLIB_INSECURE_TRANSPORT"]


def state_of(address: str) -> dict[str, str]:
    """The query of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def _app(state: Provider) -> flask.Flask:
    app = flask.Flask(__name__)
    app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
    server = AuthorizationServer(app, query_client=lambda key: state.client if key == CLIENT else None)
    server.save_token = lambda token, request: _save(state, token, request)

    class CodeGrant(grants.AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]

        def save_authorization_code(self, code: str, request: Any) -> None:
            data = request.payload.data
            state.codes[code] = Code(
                code=code,
                redirect_uri=request.payload.redirect_uri,
                scope=request.payload.scope,
                nonce=data["nonce"],
                code_challenge=data["code_challenge"],
                code_challenge_method=data["code_challenge_method"],
                user=request.user,
            )

        def query_authorization_code(self, code: str, client: Registered) -> Code | None:
            return state.codes.get(code)

        def delete_authorization_code(self, authorization_code: Code) -> None:
            del state.codes[authorization_code.code]

        def authenticate_user(self, authorization_code: Code) -> dict[str, Any]:
            return authorization_code.user

    class IdToken(OpenIDCode):
        def exists_nonce(self, nonce: str, request: Any) -> bool:
            return any(code.nonce == nonce for code in state.codes.values())

        def resolve_client_private_key(self, client: Registered) -> RSAKey:
            return state.key

        def get_client_claims(self, client: Registered) -> dict[str, Any]:
            return {"iss": state.issuer, "aud": [CLIENT]}

        def get_encode_header(self, client: Registered) -> dict[str, str]:
            return {"alg": "RS256", "kid": state.key.kid}

        def generate_user_info(self, user: dict[str, Any], scope: str) -> dict[str, Any]:
            return user | state.claims

    class Revocation(RevocationEndpoint):
        CLIENT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]

        def query_token(self, token_string: str, token_type_hint: str) -> Token | None:
            return state.tokens.get(token_string)

        def revoke_token(self, token: Token, request: Any) -> None:
            token.revoked = True

    server.register_grant(CodeGrant, [IdToken(require_nonce=True), CodeChallenge(required=True)])
    server.register_endpoint(Revocation)

    @app.get("/.well-known/openid-configuration")
    def metadata() -> Any:
        state.asked.append("metadata")
        said = {
            "issuer": state.issuer,
            "authorization_endpoint": f"{state.issuer}/authorize",
            "token_endpoint": f"{state.issuer}/token",
            "revocation_endpoint": f"{state.issuer}/revoke",
            "jwks_uri": f"{state.issuer}/keys",
        } | state.metadata
        return {name: value for name, value in said.items() if value is not None}

    @app.get("/keys")
    def keys() -> Any:
        state.asked.append("keys")
        return {"keys": [(state.published or state.key).as_dict(private=False)]}

    @app.get("/authorize")
    def authorize() -> Any:
        state.asked.append("authorize")
        grant = server.get_consent_grant(end_user=state.person)
        return server.create_authorization_response(grant_user=state.person, grant=grant)

    @app.post("/token")
    def token() -> Any:
        state.asked.append("token")
        return server.create_token_response()

    @app.post("/revoke")
    def revoke() -> Any:
        state.asked.append("revoke")
        if state.revocation is not None:
            return state.revocation[1], state.revocation[0]
        return server.create_endpoint_response("revocation")

    return app


def _save(state: Provider, token: dict[str, Any], request: Any) -> None:
    if not state.refresh:
        token.pop("refresh_token", None)
    for name in ("access_token", "refresh_token"):
        if name in token:
            state.tokens[token[name]] = Token(value=token[name], subject=request.user["sub"])
