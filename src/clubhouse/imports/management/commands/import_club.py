"""``import_club FOLDER --business NAME``: take a club's export into the database."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from clubhouse.imports.errors import ImportFailed
from clubhouse.imports.pipeline import import_bundle


class Command(BaseCommand):
    help = "Take a club's export, a folder of CSV files, into a business. A row that cannot be taken is said and kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="The folder with clubs.csv, clients.csv and so on.")
        parser.add_argument("--business", required=True, metavar="NAME", help="Made where there is none of this name.")
        parser.add_argument(
            "--refused",
            type=Path,
            metavar="DIR",
            help="Where refused rows go; by default refused/ and the business's address, in the data folder.",
        )
        parser.add_argument("--encoding", default="", help="The encoding of the files that are not UTF-8: cp1252, say.")
        parser.add_argument(
            "--json", action="store_true", help="Print the counts as one JSON object, and nothing else."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        quiet = options["json"] or not sys.stderr.isatty()
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=quiet,
        ) as progress:

            def step(label: str, total: int) -> Callable[[int], None]:
                task = progress.add_task(label, total=total)
                return lambda done: progress.advance(task, done)

            try:
                report = import_bundle(
                    options["folder"],
                    options["business"],
                    refused=options["refused"],
                    encoding=options["encoding"],
                    step=step,
                )
            except ImportFailed as failed:
                raise CommandError(str(failed)) from None
        if options["json"]:
            # Standard output is the one object; what a person needs to know stands beside it.
            for note in report.notes():
                self.stderr.write(note, style_func=str)
            self.stdout.write(json.dumps(report.as_json()))
        else:
            for note in (*report.notes(), *report.summary()):
                self.stdout.write(note)
