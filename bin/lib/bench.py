"""bin/bench: how long an erasure takes, whether it holds in a race, what is left in the files, and what files cost.

usage: bin/bench [erasure | races | bytes | files] [--sqlite | --postgres] [arguments of bench/erasure.py and so on…]
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import postgres
import prepare

BENCHES = ("erasure", "races", "bytes", "files")


def main(arguments: list[str]) -> int:
    """Run a bench on the databases that were asked for; gives 0 where all of it held."""
    if "-h" in arguments or "--help" in arguments:
        print(__doc__.strip())
        return 0
    name = arguments[0] if arguments and arguments[0] in BENCHES else BENCHES[0]
    rest = arguments[1:] if arguments[:1] == [name] else arguments
    only = [database for database in ("sqlite", "postgres") if f"--{database}" in rest]
    rest = [argument for argument in rest if argument not in ("--sqlite", "--postgres")]
    databases = only or ["sqlite", "postgres"]
    os.chdir(prepare.ROOT)
    command = [str(prepare.environment("dev")), "-W", "ignore", f"bench/{name}.py", *rest]
    codes = []
    if "sqlite" in databases:
        codes.append(_run(command, DATABASE_URL=""))
    if "postgres" in databases:
        with postgres.cluster() as (address, programs):
            path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
            codes.append(_run(command, DATABASE_URL=address, PATH=path))
    return max(codes)


def _run(command: list[str], **changes: str) -> int:
    return subprocess.run(command, env=prepare.variables(**changes), check=False).returncode


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except prepare.Refused as error:
        sys.exit(f"bin/bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
