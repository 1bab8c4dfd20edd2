"""bin/serve and bin/manage as people run them: as processes of their own."""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import os
import re
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 180


def run(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of ``bin/`` to its end."""
    return subprocess.run(
        [ROOT / "bin" / name, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
    )


@dataclass
class Serving:
    """A running bin/serve."""

    process: subprocess.Popen[bytes]
    output: Path
    data: Path

    @property
    def said(self) -> str:
        """All it printed so far, on both streams."""
        return self.output.read_text()

    @property
    def address(self) -> str:
        """Where it says it is; waits for it, and fails where it ends first."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := re.search(r"^Clubhouse is at (\S+)$[\s\S]*^Ctrl-C ends it\.$", self.said, re.MULTILINE):
                return found.group(1)
            assert self.process.poll() is None, f"bin/serve ended before it was ready: {self.said}"
            time.sleep(0.1)
        raise AssertionError(f"bin/serve was not ready after {PATIENCE} s: {self.said}")

    @property
    def sign_ins(self) -> list[dict[str, str]]:
        """What ``sign-ins.json`` says."""
        return json.loads((self.data / "sign-ins.json").read_text())

    def children(self) -> dict[int, str]:
        """The process ids and command lines of what it started."""
        listed = subprocess.run(
            ["ps", "--ppid", str(self.process.pid), "-o", "pid=,args="], capture_output=True, text=True, check=False
        )
        lines = (line.strip().partition(" ") for line in listed.stdout.splitlines())
        return {int(number): command for number, _, command in lines}

    def end(self, how: signal.Signals = signal.SIGINT) -> int:
        """Ask it to end as a terminal or the system does; gives its exit code."""
        self.process.send_signal(how)
        return self.process.wait(60)


@contextlib.contextmanager
def serving(data: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Serving]:
    """Run bin/serve on a free port while the block runs."""
    output = data.parent / f"serve-{time.monotonic_ns()}.log"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [ROOT / "bin" / "serve", "--port", "0", "--data", str(data), *arguments],
            env=os.environ | dict(environment or {}),
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield Serving(process, output, data)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def is_running(pid: int) -> bool:
    """Whether a process still works; one that is over and only waits to be counted does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def sign_in_over_http(entry: Mapping[str, str]) -> tuple[int, str]:
    """Fill in a sign-in page with a browser's headers; gives the status and the address one ends up at."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    with opener.open(entry["url"], timeout=30) as page:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.read().decode())
    assert token is not None, "the sign-in page has no form"
    fields: dict[str, Any] = {"csrfmiddlewaretoken": token.group(1), "email": entry["email"]}
    fields["password"] = entry["password"]
    request = urllib.request.Request(entry["url"], urllib.parse.urlencode(fields).encode(), {"Referer": entry["url"]})
    with opener.open(request, timeout=30) as answer:
        return answer.status, answer.url
