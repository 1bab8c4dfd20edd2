"""What the shop owes the world outside when somebody is erased."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lethe.outbox import Answer, NotYet, Retry, handler


@handler("card.detach")
def detach(payload: dict[str, Any]) -> dict[str, Any]:
    """The bank forgets a card."""
    return {"provider": payload["provider"], "answer": "detached"}


@handler("shop.cancelled")
def cancelled(payload: dict[str, Any]) -> None:
    """The shop hears how many orders were cancelled."""


@handler("shop.write")
def write(payload: dict[str, Any]) -> dict[str, Any]:
    """Leave a line in a file: so a test counts how often it was done, and by whom."""
    time.sleep(payload.get("seconds", 0))
    with Path(payload["file"]).open("a") as file:
        file.write(payload.get("line", "done") + "\n")
    return {"written": True}


@handler("shop.fails")
def fails(payload: dict[str, Any]) -> None:
    """The other side is not ready, or something is broken."""
    if payload.get("retry"):
        raise Retry("The bank is closed.")
    raise ValueError(f"no such person: {payload['name']}")


@handler("shop.kills")
def kills(payload: dict[str, Any]) -> None:
    """Takes the whole worker with it."""
    os._exit(9)


@handler("shop.strange")
def strange(payload: dict[str, Any]) -> dict[str, Any]:
    """Answers with something that is no JSON."""
    return {"answer": object()}


@handler("shop.many", together=100)
def many(payloads: Sequence[dict[str, Any]], working: Callable[[], None]) -> list[Answer]:
    """As the others, for many at once: each payload says what becomes of it."""
    if any(payload.get("all") for payload in payloads):
        raise Retry("The bank is closed to everybody.")
    answers: list[Answer] = []
    for payload in payloads:
        working()
        match payload.get("do"):
            case "kill":
                os._exit(9)
            case "fail":
                answers.append(ValueError(f"no such person: {payload['line']}"))
            case "retry":
                answers.append(Retry(f"The bank is closed until {payload['line']}."))
            case "wait":
                answers.append(NotYet(datetime.datetime.fromisoformat(payload["until"])))
            case "strange":
                answers.append({"answer": object()})
            case "vanish":
                continue
            case _:
                answers.append(write(payload) | {"line": len(payload["line"]), "beside": len(payloads) - 1})
    return answers
