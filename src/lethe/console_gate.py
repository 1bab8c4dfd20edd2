"""What ``lethe init`` and ``lethe check`` print."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.checks import CheckMessage

from lethe.console import Writer
from lethe.first_hour import Written


def show_init(written: Written, out: Writer) -> None:
    """Print what ``lethe init`` wrote, what is left to decide, and the next command."""
    for module in written.modules:
        out.write(f"{module.here}: {module.policies} policies, {module.answers} answers to confirm")
    if written.fields:
        out.write("\nFields that a policy of yours does not answer for; add to it, as it seems:")
        for label, name, made in written.fields:
            value = f' = "{made.source}"' if made.action == "keep" else (f" = {made.source}" if made.source else "")
            out.write(f"  {label}: {made.action} {name}{value}  # {made.why}")
    if written.outside:
        out.write("\nOf apps that are not this project's own; name a module of yours for them with --into:")
        for label, models in written.outside.items():
            out.write(f"  {label}: {', '.join(models)}")
    if written.left:
        out.write("\nLeft to decide:")
        show_check(written.left, out)
    if not written.modules:
        out.write("Nothing was written." if written.outside else "Nothing is missing.")
    say = "read each answer, change it or not, and delete its name from suggested. Then: " if written.modules else ""
    out.write(f"\nNext: {say}manage.py lethe check")


def show_check(found: Sequence[CheckMessage], out: Writer) -> None:
    """Print findings of the gate, each with the line to write."""
    for one in found:
        out.write(f"  {one.id}  {one.msg}")
        if one.hint:
            out.write(f"             {one.hint}")
    if not found:
        out.write("Every model and every field in reach has an answer.")
