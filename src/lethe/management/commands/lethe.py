"""``manage.py lethe …``: explain, plan, preview, erase, clean, seal, worker, effects.

An erasure on the command line is as careful as one in a browser: it shows what it will do, asks for a confirmation, and
runs exactly what it showed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, models

from lethe import console_effects, outbox, pipeline
from lethe.checks import everything, said
from lethe.cleaning import clean
from lethe.console import as_data, show_cleaned, show_explanation, show_outcome, show_preview
from lethe.console_gate import show_check, show_init
from lethe.exceptions import Blocked, LetheError
from lethe.first_hour import initialise
from lethe.install import install, problems
from lethe.page import as_html
from lethe.plan import plan_for
from lethe.registry import registry
from lethe.residue import CERTAIN, LIKELY, WEAK

#: How sure a find of residue is.
STRENGTHS = {CERTAIN: "certain", LIKELY: "likely", WEAK: "weak"}


class Command(BaseCommand):
    """Entry of the engine on the command line."""

    help = "Declare, explain, preview and carry out the erasure of a data subject."
    #: ``init`` and ``check`` are for a project whose checks fail; what writes asks the gate itself.
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """One subcommand for each thing that can be asked of the engine."""
        commands = parser.add_subparsers(dest="do", required=True, metavar="COMMAND")
        common = argparse.ArgumentParser(add_help=False)
        common.add_argument("--using", default="default", help="Database alias.")
        common.add_argument("--json", action="store_true", help="Print JSON and nothing else.")

        def add(name: str, text: str) -> argparse.ArgumentParser:
            return commands.add_parser(name, help=text, description=text, parents=[common])

        init = add("init", "Write an erasure.py for each app in reach: a suggestion for every model and every field.")
        init.add_argument("apps", nargs="*", metavar="app", help="App labels; all apps in reach, unless said.")
        init.add_argument(
            "--into", default="", help="Module for apps that are not the project's, as myproject.erasure."
        )
        init.add_argument("--sample", action="store_true", help="Look at values, too; none is ever printed.")
        add("check", "Everything that keeps an erasure from running, each with the line to write.")
        explain = add("explain", "What is deleted, what is kept and why, from the policies.")
        explain.add_argument("--format", choices=("markdown", "html", "json"), help="HTML is one page, ready to print.")
        plan = add("plan", "The steps of an erasure, in order, with their SQL.")
        for one in (explain, plan):
            one.add_argument("subject", nargs="?", help="Model label; needed where there are several.")
        add("preview", "Count what an erasure would do; nothing is written.").add_argument(
            "target", help="app.Model:KEY"
        )
        residue = add("residue", "Search the database and the file store for what an erasure would leave behind.")
        residue.add_argument("target", help="app.Model:KEY; several keys with commas between them")
        export = add("export", "Write the person's own copy, a ZIP of JSON and files, from the same declaration.")
        export.add_argument("target", help="app.Model:KEY")
        export.add_argument("--output", required=True, help="The ZIP to write; refused where there is one already.")
        erase = add("erase", "Erase a data subject, for good.")
        erase.add_argument("target", help="app.Model:KEY; several keys with commas between them")
        erase.add_argument("--by", required=True, help="Who orders it: the e-mail address of an account.")
        erase.add_argument("--reason", required=True, help="Why, without naming the person: it is kept.")
        erase.add_argument("--dry-run", action="store_true", help="Stop after the preview.")
        erase.add_argument("--yes", action="store_true", help="Do not ask for a confirmation.")
        add("clean", "Rewrite the database's files, so that nothing of what was erased is left in them.")
        add("seal", "Rebuild the triggers that keep erased records erased.")
        console_effects.add_arguments(add)
        worker = add("worker", "Do what erasures owe the world outside the database, until told to stop.")
        worker.add_argument("--drain", action="store_true", help="Do what is due now, then end.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run a subcommand; a refusal is one sentence and exit status 1, never a traceback."""
        try:
            getattr(self, f"do_{options['do']}")(**options)
        except Blocked as error:
            self._blocked(error, options["json"])
        except LetheError as error:
            raise CommandError(str(error)) from None
        except DatabaseError as error:
            # The driver's text can quote a row.
            raise CommandError(f"The database refused ({type(error).__name__}); nothing was changed.") from None

    # --- declaring ----------------------------------------------------------------------------------------------------
    def do_init(self, *, apps: list[str], into: str, sample: bool, json: bool, **_: Any) -> None:
        """Write what is missing."""
        written = initialise(registry, labels=apps, into=into, sample=sample)
        self._say(written.as_dict()) if json else show_init(written, self.stdout)

    def do_check(self, *, using: str, json: bool, **_: Any) -> None:
        """Show every finding; exit status 1 where one is an error."""
        found = everything(using)
        self._say({"findings": [said(one) for one in found]}) if json else show_check(found, self.stdout)
        errors = sum(one.is_serious() for one in found)
        if errors:
            raise CommandError(f"{errors} to answer before anybody can be erased.")

    # --- reading ------------------------------------------------------------------------------------------------------
    def do_explain(self, *, subject: str | None, using: str, json: bool, format: str | None, **_: Any) -> None:
        """Explain the policies."""
        found = pipeline.explain(self._model(subject), using=using)
        if json or format == "json":
            self._say(found.as_dict())
        elif format == "html":
            self.stdout.write(as_html(found))
        else:
            show_explanation(found, self.stdout)

    def do_plan(self, *, subject: str | None, using: str, json: bool, **_: Any) -> None:
        """Show the compiled plan."""
        plan = plan_for(self._model(subject), using)
        steps = [
            {"name": step.name, "fate": step.fate, "sql": step.write.text if step.write else None}
            for step in plan.steps
        ]
        if json:
            self._say({"subject": plan.subject, "digest": plan.digest, "steps": steps})
            return
        for number, step in enumerate(steps, 1):
            self.stdout.write(f"{number:3}  {step['fate']:8} {step['name']}")
            if step["sql"]:
                self.stdout.write(f"     {step['sql']}")

    def do_preview(self, *, target: str, using: str, json: bool, **_: Any) -> None:
        """Preview an erasure."""
        model, keys = self._target(target)
        found = pipeline.preview(model, keys, using=using)
        self._known(found)
        self._say(as_data(found)) if json else show_preview(found, self.stdout)

    def do_residue(self, *, target: str, using: str, json: bool, **_: Any) -> None:
        """Search, and print places, never values."""
        model, keys = self._target(target)
        self._known(pipeline.preview(model, keys, using=using))
        places = pipeline.residue(model, keys, using=using)
        if json:
            self._say({"places": [as_data(place) for place in places]})
            return
        for place in places:
            where = f"{place.model or place.table} {place.key}, {place.column}" if place.table else f"file {place.key}"
            self.stdout.write(f"{STRENGTHS[place.strength]:8}  {where}: {', '.join(place.kinds)}")
        self.stdout.write(f"{len(places)} places outside the plan.")

    def do_export(self, *, target: str, output: str, using: str, json: bool, **_: Any) -> None:
        """Write a copy; only its owner may read the file."""
        model, keys = self._target(target)
        if len(keys) != 1:
            raise CommandError("A copy is of one person: name one key.")
        copy = pipeline.export(model, keys[0], using=using)
        try:
            handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CommandError(f"{output} cannot be written ({error.strerror}); name another file.") from None
        with os.fdopen(handle, "wb") as file:
            files = copy.write(file)
        rows = sum(len(section.rows) for section in copy.sections)
        if json:
            self._say({"rows": rows, "files": files, "output": output})
        else:
            self.stdout.write(f"{rows} rows and {files} files are in {output}.")

    # --- writing ------------------------------------------------------------------------------------------------------
    def do_erase(
        self, *, target: str, by: str, reason: str, using: str, json: bool, dry_run: bool, yes: bool, **_: Any
    ) -> None:
        """Preview, confirm, erase."""
        model, keys = self._target(target)
        actor = self._actor(by, using)
        found = pipeline.preview(model, keys, using=using)
        self._known(found)
        if not json:
            show_preview(found, self.stdout)
        if dry_run:
            if json:
                self._say(as_data(found) | {"dry_run": True})
            return
        if found.blocked:
            raise Blocked([finding for finding in found.findings if finding.blocks])
        if found.subjects and not yes:
            self._confirm(target)
        told = None if json else console_effects.progress(found.subjects, self.stdout)
        outcome = pipeline.erase(
            model, keys, by=actor, reason=reason, fingerprint=found.fingerprint, using=using, progress=told
        )
        left = console_effects.left_of(outcome, using)
        if json:
            self._say(as_data(outcome) | {"outside": console_effects.as_data(left)})
        else:
            show_outcome(outcome, self.stdout)
            if outcome.erased:
                console_effects.show_owed(left, self.stdout)
        if outcome.refused:
            raise CommandError(f"{len(outcome.refused)} could not be erased; see above.")

    def do_clean(self, *, using: str, json: bool, **_: Any) -> None:
        """Clean the bytes, and say what is being rewritten."""

        def tell(what: str, number: int, of: int) -> None:
            if not json:
                self.stdout.write(f"{number}/{of}  {what}")
                self.stdout.flush()

        done = clean(using, progress=tell)
        self._say(done.as_receipt()) if json else show_cleaned(done, self.stdout)

    def do_seal(self, *, using: str, json: bool, **_: Any) -> None:
        """Rebuild the seal and say what had been wrong with it."""
        wrong, stand = problems(using), install(using)
        if json:
            self._say({"mended": wrong, "triggers": stand})
            return
        for problem in wrong:
            self.stdout.write(f"mended: {problem}")
        self.stdout.write(f"{stand} triggers stand.")

    def do_effects(self, *, using: str, json: bool, **options: Any) -> None:
        """Show what is owed; on request have it tried now, and wait for it."""
        console_effects.run(using, json, self.stdout, **options)

    def do_worker(self, *, using: str, drain: bool, **_: Any) -> None:
        """Work until SIGTERM or SIGINT; what is begun is finished first."""
        if drain:
            self.stdout.write(f"{outbox.drain(using=using)} effects done.")
            return
        stopping: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _: stopping.append(received))
        outbox.work(lambda: bool(stopping), using=using)

    # --- reading what was typed ---------------------------------------------------------------------------------------
    def _model(self, label: str | None) -> type[models.Model]:
        subjects = {policy.model._meta.label_lower: policy.model for policy in registry.subjects()}
        if label is None:
            if len(subjects) == 1:
                return next(iter(subjects.values()))
            raise CommandError(f"Say which: {', '.join(sorted(subjects)) or 'no model is registered as a subject'}.")
        found = subjects.get(label.lower())
        if found is None:
            known = ", ".join(sorted(model._meta.label for model in subjects.values())) or "none"
            raise CommandError(f"{label} is not a subject. Subjects: {known}.")
        return found

    def _target(self, text: str) -> tuple[type[models.Model], list[Any]]:
        label, separator, keys = text.partition(":")
        if not separator or not keys:
            raise CommandError("Name the subject as app.Model:KEY, for example clients.Client:42.")
        model = self._model(label)
        try:
            return model, [model._meta.pk.to_python(key.strip()) for key in keys.split(",")]
        except Exception:
            raise CommandError(
                f"{model._meta.label} has no such key; it is a {model._meta.pk.get_internal_type()}."
            ) from None

    def _known(self, found: pipeline.Preview) -> None:
        if found.missing:
            raise CommandError(
                f"No such {found.subject}: {', '.join(str(key) for key in found.missing)}. Nothing was changed."
            )

    def _actor(self, email: str, using: str) -> str:
        """The account behind an address, as an opaque key: an address would stay in the run for good."""
        from django.contrib.auth import get_user_model

        accounts = get_user_model()
        field = accounts.get_email_field_name()
        found = accounts._default_manager.using(using).filter(**{f"{field}__iexact": email, "is_active": True})
        keys = list(found.values_list("pk", flat=True)[:2])
        if not keys:
            raise CommandError("--by: no active account has this address. Use the address you sign in with.")
        return f"account:{keys[0]}"

    def _confirm(self, target: str) -> None:
        if not sys.stdin.isatty():
            raise CommandError("Not confirmed: add --yes, or run it on a terminal. Nothing was changed.")
        self.stdout.write(f"This erases {target} for good. Type the key to confirm: ", ending="")
        self.stdout.flush()
        if input().strip() != target.partition(":")[2]:
            raise CommandError("Not confirmed. Nothing was changed.")

    def _blocked(self, error: Blocked, as_json: bool) -> None:
        if as_json:
            self._say({"erased": 0, "blocked": [as_data(finding) for finding in error.findings]})
            raise CommandError("Something must be settled first. Nothing was changed.", returncode=3)
        raise CommandError(f"{error} Nothing was changed.", returncode=3)

    def _say(self, data: Any) -> None:
        self.stdout.write(json.dumps(data, indent=2, default=str))
