"""bin/stores: erases against OpenStack Swift, a real object store, and looks in it from the other side.

usage: bin/stores [--sqlite | --postgres] [pytest arguments…]
       bin/stores --serve
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

import postgres
import prepare
from test import suite

SUITE = "tests/stores/suite.py"


def main(arguments: list[str]) -> int:
    """Run the suite on the databases that were asked for; gives 0 where all of it held."""
    if "-h" in arguments or "--help" in arguments:
        print(__doc__.strip())
        return 0
    os.chdir(prepare.ROOT)
    python, swift = str(prepare.environment("dev")), str(prepare.environment("swift"))
    if arguments == ["--serve"]:
        serve([python, "-W", "ignore", "-m", "tests.support.swift", swift])
    only = [name for name in ("sqlite", "postgres") if f"--{name}" in arguments]
    rest = [argument for argument in arguments if argument not in ("--sqlite", "--postgres")]
    # One process: Swift is started once.
    options = ["-n", "0", "-p", "no:cacheprovider", "-v", *rest, SUITE]
    summary = []
    if only != ["postgres"]:
        summary.append(("SQLite", *suite(python, "SQLite", options, {"DATABASE_URL": "", "SWIFT_PYTHON": swift})))
    if only != ["sqlite"]:
        with postgres.cluster() as (address, programs):
            path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
            given = {"DATABASE_URL": address, "PATH": path, "SWIFT_PYTHON": swift}
            summary.append(("PostgreSQL", *suite(python, "PostgreSQL", options, given)))
    held = all(passed and " passed" in said and "skipped" not in said for _, passed, said in summary)
    told = "; ".join(f"{name}: {said}" for name, _, said in summary)
    chosen = "What was chosen held" if "deselected" in told else "All held"
    print(f"\n{chosen if held else 'NOT ALL HELD'} against Swift. {told}")
    return 0 if held else 1


def serve(command: list[str]) -> NoReturn:
    """Become the Swift that a person looks at: so that Ctrl-C reaches what has to end it, once."""
    variables = prepare.variables()
    variables["PYTHONPATH"] = os.pathsep.join([str(prepare.ROOT), variables["PYTHONPATH"]])
    os.execve(command[0], command, variables)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except prepare.Refused as error:
        sys.exit(f"bin/stores: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
