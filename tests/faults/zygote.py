"""The process under test: starts once, and forks a child for each act, which may be killed.

``python -m tests.faults.zygote`` reads one order per line, as JSON, and answers each with what became of it. It has one
thread, so a child begins where a freshly started worker or web process would, without its seconds of starting.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from typing import Any

#: Seconds that one act may take before it counts as hanging.
LONGEST = 60.0


def main() -> None:
    """Serve until the input ends."""
    import django

    django.setup()
    from tests.faults import actor

    # What is printed by anybody else must not stand between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    actor.warm_up()
    print(json.dumps({"ready": True}), file=answers)
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "prepare":
            # In this very process: what it learns is there in every child.
            print(json.dumps({"ended": 0, "said": actor.prepare(order)}), file=answers)
            continue
        print(json.dumps(_act(actor, order)), file=answers)


def _act(actor: Any, order: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 1
        try:
            with os.fdopen(writing, "w") as out:
                said = actor.act(order)
                json.dump(said, out)
            code = 0
        except BaseException as error:
            # By its kind alone, unless somebody looks for it.
            if os.environ.get("FAULTS_TRACE"):
                import traceback

                traceback.print_exc()
            print(f"{order['do']}: {type(error).__name__}", file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    os.close(writing)
    said, deadline, hung = b"", time.monotonic() + LONGEST, False
    while True:
        readable, _, _ = select.select([reading], [], [], max(deadline - time.monotonic(), 0))
        if not readable:
            hung = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            break
        piece = os.read(reading, 65536)
        if not piece:
            break
        said += piece
    os.close(reading)
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(ValueError):
        return {"ended": os.waitstatus_to_exitcode(status), "hung": hung, "said": json.loads(said)}
    return {"ended": os.waitstatus_to_exitcode(status), "hung": hung, "said": None}


if __name__ == "__main__":
    main()
