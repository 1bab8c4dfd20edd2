"""The API's frame: who calls, problem documents for every error, and the description of it all."""

from __future__ import annotations

import contextlib
import functools
import logging
import zoneinfo
from collections.abc import Callable
from typing import Any

from auditlog.context import set_actor
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.security import HttpBearer

from clubhouse.api.problems import CONTENT_TYPE, Problem, answer, made_a_problem
from clubhouse.api.schemas import BlockerOut, ChangeOut
from clubhouse.api.tokens import Caller, caller_of
from clubhouse.clients.services import ErasedClientError
from clubhouse.member.confirming import AccountGone
from clubhouse.schedule.exceptions import ScheduleError
from lethe.exceptions import Blocked, Changed, LetheError, TryAgain

log = logging.getLogger("clubhouse.api")
NO_TOKEN = "Send the header “Authorization: Bearer …” with a token that is neither revoked nor over."  # noqa: S105


class Described(NinjaAPI):
    """The API with its errors described as what they are: problem documents."""

    def get_openapi_schema(self, **kwargs: Any) -> Any:
        """The description; errors are of the type ``application/problem+json``."""
        schema = super().get_openapi_schema(**kwargs)
        for methods in schema["paths"].values():
            for operation in methods.values():
                for status, said in operation["responses"].items():
                    if int(status) >= 400 and "application/json" in said.get("content", {}):
                        said["content"] = {CONTENT_TYPE: said["content"]["application/json"]}
        return schema


class BearerToken(HttpBearer):
    """A token with a scope, of a member or of the team."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        """Who calls. Raises ``Problem``: 401 without a token that works, 403 without the scope."""
        caller: Caller | None = request.caller  # type: ignore[attr-defined]
        if caller is None:
            raise Problem(401, NO_TOKEN, headers={"WWW-Authenticate": "Bearer"})
        if self.scope not in caller.token.scopes:
            raise Problem(403, f"This token has no scope {self.scope}. Make one that has it.")
        # A scope of the one kind on a token of the other gives nothing.
        if (caller.member is None) == (not self.scope.startswith("clients:")):
            raise Problem(403, "This is for the other kind of account: a member’s, or an administrator’s.")
        return caller


def install(api: NinjaAPI) -> None:
    """Answer every exception with a problem document."""

    @api.exception_handler(Problem)
    def problem(request: HttpRequest, error: Problem) -> HttpResponse:
        return error.response()

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        # Where and why, never what: what was sent may be a person's.
        errors = [{"where": ".".join(map(str, one["loc"])), "what": one["msg"]} for one in error.errors]
        return answer(422, "Mend what “errors” lists.", errors=errors)

    @api.exception_handler(HttpError)
    def refused(request: HttpRequest, error: HttpError) -> HttpResponse:
        if error.status_code == 401:
            return Problem(401, NO_TOKEN, headers={"WWW-Authenticate": "Bearer"}).response()
        return answer(error.status_code, "Send a body in JSON." if error.status_code == 400 else "")

    @api.exception_handler(Http404)
    def missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return answer(404, "There is no such thing here, or it is not yours.")

    @api.exception_handler(AccountGone)
    def gone(request: HttpRequest, error: AccountGone) -> HttpResponse:
        return Problem(401, NO_TOKEN, headers={"WWW-Authenticate": "Bearer"}).response()

    @api.exception_handler(ScheduleError)
    @api.exception_handler(ErasedClientError)
    def impossible(request: HttpRequest, error: Exception) -> HttpResponse:
        return answer(409, str(error))

    @api.exception_handler(TryAgain)
    def busy(request: HttpRequest, error: TryAgain) -> HttpResponse:
        return answer(503, str(error), headers={"Retry-After": "60"})

    @api.exception_handler(LetheError)
    def not_erased(request: HttpRequest, error: LetheError) -> HttpResponse:
        more: dict[str, Any] = {}
        if isinstance(error, Blocked):
            more["blockers"] = [
                BlockerOut(name=one.name, label=str(one.label), count=one.count, worth="").dict()
                for one in error.findings
            ]
        if isinstance(error, Changed):
            more["changes"] = [
                ChangeOut(name=name, previewed=old, now=new).dict() for name, (old, new) in error.differences.items()
            ]
        return answer(409, str(error), **more)

    @api.exception_handler(Exception)
    def failed(request: HttpRequest, error: Exception) -> HttpResponse:
        return _failed(error)


def served(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Around every address of the API: finds who calls, in whose time zone and name things happen, and turns what
    anything else answered into a problem document. A cookie is no token here."""

    @csrf_exempt
    @functools.wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with contextlib.ExitStack() as around:
            try:
                caller = request.caller = caller_of(request.headers.get("Authorization", ""))  # type: ignore[attr-defined]
                if caller is not None:
                    around.enter_context(timezone.override(zoneinfo.ZoneInfo(caller.business.timezone)))
                    around.enter_context(set_actor(caller.user))
                response = made_a_problem(request, view(request, *args, **kwargs))
            except Problem as error:
                response = error.response()
            except Http404:
                response = answer(404, "There is no such address.")
            except Exception as error:
                response = _failed(error)
        patch_cache_control(response, private=True, no_store=True)
        return response

    return inner


def _failed(error: Exception) -> HttpResponse:
    # By its kind alone: its text may quote a row.
    log.error("The API met %s.", type(error).__name__)
    return answer(500, "Nothing is known of what was done. Ask again, and tell the operator if it stays.")
