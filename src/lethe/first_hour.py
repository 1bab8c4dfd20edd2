"""``lethe init``: from a project that has declared nothing to an ``erasure.py`` in each app, in one command."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.db import router

from lethe import contrib
from lethe.checks import said
from lethe.exceptions import LetheError
from lethe.fields import field_of
from lethe.graph import Model
from lethe.guess import Guess, guess, shapes
from lethe.registry import Registry
from lethe.scaffold import Module, compose
from lethe.suggest import remaining, suggest
from lethe.suggestion import Suggestion, plural

UNANSWERED = re.compile(r"\.(\w+) has no answer\.$")


@dataclass
class Written:
    """What was written, and what is left: models of apps that are not the project's own, fields of policies that stand
    (with a guess for each), and what the gate finds beside."""

    modules: list[Module] = field(default_factory=list)
    outside: dict[str, list[str]] = field(default_factory=dict)
    fields: list[tuple[str, str, Guess]] = field(default_factory=list)
    left: list[checks.CheckMessage] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "written": [{"file": one.here, "policies": one.policies, "answers": one.answers} for one in self.modules],
            "fields": [
                {"model": label, "field": name, "action": made.action, "why": made.why}
                for label, name, made in self.fields
            ],
            "outside": self.outside,
            "left": [said(one) for one in self.left],
        }


def initialise(source: Registry, *, labels: Sequence[str] = (), into: str = "", sample: bool = False) -> Written:
    """Write what is missing.

    ``labels`` limits it to some apps. ``into`` is the module for apps whose folder is not the project's own, such as
    ``"myproject.erasure"``. Nothing that stands in a file is changed, but for imports that take further names up.
    Raises ``LetheError`` where a file cannot be written or an app is unknown.
    """
    wanted = {config.label for config in (_app(label) for label in labels)} or set(apps.app_configs)
    ready = [name for name in contrib.ready() if not contrib.answered(contrib.module(name).models(), source)]
    left_out = {model for name in ready for model in contrib.module(name).models()}
    made = suggest(source, sample=sample, left_out=left_out)
    written = Written()
    files: dict[Path, list[Suggestion]] = {}
    for one in (one for one in made if one.model._meta.app_label in wanted):
        config = apps.get_app_config(one.model._meta.app_label)
        if _is_own(config):
            files.setdefault(Path(config.path) / "erasure.py", []).append(one)
        elif into:
            files.setdefault(_module_file(into), []).append(one)
        else:
            written.outside.setdefault(config.label, []).append(str(one.model._meta.object_name))
    ready = [name for name in ready if not labels]
    home = _home(files, into)
    if ready and home is not None:
        files.setdefault(home, [])
    for path, those in sorted(files.items()):
        composed = compose(path, those, ready if path == home else ())
        if composed.new != composed.old:
            _write(composed)
            written.modules.append(composed)
    for found in remaining(source, made, ready):
        match = UNANSWERED.search(str(found.msg)) if found.id == "lethe.E011" else None
        if match and found.obj in source:
            written.fields.append((found.obj._meta.label, match[1], _guessed(found.obj, match[1], sample)))
        else:
            written.left.append(found)
    return written


def _guessed(model: Model, name: str, sample: bool) -> Guess:
    seen = shapes(model, router.db_for_read(model)) if sample else {}
    return guess(field_of(model, name), seen, counted=f"{plural(model)} are counted by it")


def _app(label: str) -> AppConfig:
    try:
        return apps.get_app_config(label)
    except LookupError:
        known = ", ".join(sorted(apps.app_configs))
        raise LetheError(f"There is no app {label!r}. Apps: {known}.") from None


def _is_own(config: AppConfig) -> bool:
    """Whether an app's folder is the project's: inside it, and not where packages are installed."""
    folder = Path(config.path).resolve()
    installed = [Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib", "stdlib")]
    if any(folder.is_relative_to(one) for one in installed) or {"site-packages", "dist-packages"} & set(folder.parts):
        return False
    root = Path(getattr(settings, "BASE_DIR", "") or Path.cwd()).resolve()
    return folder.is_relative_to(root) or folder.is_relative_to(Path.cwd().resolve())


def _home(files: Iterable[Path], into: str) -> Path | None:
    """Where ready policies are taken in: the module that was named, or the first app of the project's own."""
    if into:
        return _module_file(into)
    known = sorted(files)
    if known:
        return known[0]
    own = sorted(Path(config.path) / "erasure.py" for config in apps.get_app_configs() if _is_own(config))
    return next((path for path in own if path.exists()), None)


def _module_file(module: str) -> Path:
    """The file of ``myproject.erasure``, which Django finds only in an installed app."""
    package, _, name = module.rpartition(".")
    if name != "erasure" or not package:
        raise LetheError(
            f"--into {module}: name a module called erasure in an app of yours, such as myproject.erasure."
        )
    if not any(config.name == package for config in apps.get_app_configs()):
        raise LetheError(f"--into {module}: add {package!r} to INSTALLED_APPS; else nothing would ever read the file.")
    found = find_spec(package)
    assert found is not None
    return Path(next(iter(found.submodule_search_locations or ()))) / "erasure.py"


def _write(module: Module) -> None:
    try:
        module.path.write_text(module.new)
    except OSError as error:
        raise LetheError(f"{module.path} cannot be written ({error.strerror}).") from None
