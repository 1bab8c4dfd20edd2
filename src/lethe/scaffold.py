"""Write suggestions as an ``erasure.py``: what is there stays to the letter, what is missing is put after it."""

from __future__ import annotations

import ast
import importlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from lethe.graph import Model, declarer
from lethe.policy import ByValue
from lethe.suggestion import DELETE, KEEP, NOBODYS, SUBJECT, Suggestion

#: The narrowest line that is common; what fits it fits every project's.
WIDTH = 88
HEAD = '''"""What becomes of a person's data.

Written by ``manage.py lethe init``. Nothing is erased before a person has confirmed it: read each answer, change it or
not, and delete its name from ``suggested``; delete the line when nothing is left in it.
"""

from __future__ import annotations

'''


@dataclass(frozen=True)
class Module:
    """An ``erasure.py`` to be: its file, what is in it now, and what it will be."""

    path: Path
    old: str
    new: str
    policies: int
    answers: int

    @property
    def here(self) -> str:
        """The file as seen from where the command was given."""
        return str(self.path.relative_to(Path.cwd()) if self.path.is_relative_to(Path.cwd()) else self.path)


def compose(path: Path, made: Sequence[Suggestion], ready: Sequence[str] = ()) -> Module:
    """Compose the file at ``path`` with policies for ``made`` and the lines that take ready policies in.

    Raises ``SyntaxError`` where what is there already is no Python.
    """
    old = path.read_text() if path.exists() else ""
    taken = _names(old)
    called = _called(made, taken)
    ready = [name for name in ready if f"{name}.install()" not in old]
    imports = _imports(made, called, ready)
    bodies = [f"{name}.install()" for name in ready]
    bodies = ["\n".join(bodies)] if bodies else []
    classes = [_policy(one, *called[one.model]) for one in made]
    text = HEAD + _sorted(imports, path) if not old else _with_imports(old.rstrip() + "\n", imports, path)
    if bodies:
        text = text.rstrip() + "\n\n" + bodies[0] + "\n"
    if classes:
        text = text.rstrip() + "\n\n\n" + "\n\n\n".join(classes) + "\n"
    answers = sum(len(one.suggested) for one in made)
    return Module(path, old, text if bodies or classes else old, len(made), answers)


# --- names ------------------------------------------------------------------------------------------------------------
def _names(text: str) -> set[str]:
    """The names that a module uses at its top."""
    found: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
    return found


def _owner(model: Model) -> tuple[Model, str]:
    """The model that is imported, and how its table is said from there."""
    owner = declarer(model)
    if owner is None:
        return model, ""
    name = next(f.name for f in owner._meta.local_many_to_many if f.remote_field.through is model)
    return owner, f".{name}.through"


def _called(made: Sequence[Suggestion], taken: set[str]) -> dict[Model, tuple[str, str]]:
    """How each model is written, and how its policy is called; two of one name are told apart by their apps."""
    owners = {_owner(one.model)[0] for one in made}
    often = Counter(owner.__name__ for owner in owners)

    def said(owner: Model) -> str:
        label = "".join(part.title() for part in owner._meta.app_label.split("_"))
        return f"{label}{owner.__name__}" if often[owner.__name__] > 1 else owner.__name__

    found, used = {}, Counter(taken)
    for one in made:
        owner, table = _owner(one.model)
        tail = "".join(part.title() for part in table.split(".")[1].split("_")) if table else ""
        policy = f"{said(owner)}{tail}Policy"
        used[policy] += 1
        found[one.model] = (said(owner) + table, policy if used[policy] == 1 else f"{policy}{used[policy]}")
    return found


def _imports(
    made: Sequence[Suggestion], called: dict[Model, tuple[str, str]], ready: Sequence[str]
) -> dict[str, set[str]]:
    """Module to what is imported of it."""
    found: dict[str, set[str]] = {}
    names = {"Policy", "register"} if made else set()
    for one in made:
        rows = {DELETE: "delete_rows", KEEP: "keep_rows", NOBODYS: "not_personal"}.get(one.kind)
        names |= {rows} if rows else set()
        names |= {"by_value"} if any(isinstance(path, ByValue) for path in one.paths) else set()
        names |= {"emit"} if one.files else set()
        names |= {made.source.partition("(")[0] for made in one.fields.values() if "(" in made.source}
        owner, _ = _owner(one.model)
        written = called[one.model][0].split(".")[0]
        module = owner.__module__
        if getattr(importlib.import_module(module), owner.__name__, None) is not owner:
            raise LookupError(f"{owner._meta.label} cannot be imported from {module}; write its policy by hand.")
        found.setdefault(module, set()).add(
            owner.__name__ if written == owner.__name__ else f"{owner.__name__} as {written}"
        )
    if names:
        found["lethe"] = {name for name in names if not name.isdigit()}
    if ready:
        found["lethe.contrib"] = set(ready)
    return found


def _sorted(imports: dict[str, set[str]], path: Path) -> str:
    """Import statements, the project's own after the others."""
    theirs = [name for name in imports if not _is_own(name, path)]
    groups = [sorted(theirs), sorted(set(imports) - set(theirs))]
    return "\n\n".join("\n".join(_import(name, imports[name]) for name in group) for group in groups if group) + "\n"


def _is_own(module: str, path: Path) -> bool:
    root = module.split(".")[0]
    return root not in {"lethe", "django"} and any((folder / root).exists() for folder in path.parents)


def _import(module: str, names: Iterable[str]) -> str:
    ordered = sorted(names, key=lambda name: (not name.isupper(), name[:1].islower(), name))
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"from {module} import (", *(f"    {name}," for name in ordered), ")"])


def _place(tree: ast.Module, module: str, path: Path, last: int) -> int:
    """The line after which an import belongs: among its kind, in order."""
    kind = _is_own(module, path)
    froms = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module != "__future__"]
    same = [node for node in froms if node.module and not node.level and _is_own(node.module, path) == kind]
    later = [node for node in same if str(node.module) > module]
    if later:
        return later[0].lineno - 1
    return (same[-1].end_lineno or last) if same else last


def _with_imports(text: str, imports: dict[str, set[str]], path: Path) -> str:
    """A module with further imports after those it has; an import that holds no comment takes its new names up."""
    tree, lines = ast.parse(text), text.splitlines()
    last = 0
    edits: list[tuple[int, int, str]] = []
    missing = dict(imports)
    for node in tree.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and not last:
            last = node.end_lineno or 0
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        last = node.end_lineno or last
        if not isinstance(node, ast.ImportFrom) or node.level or node.module not in missing:
            continue
        segment = lines[node.lineno - 1 : node.end_lineno]
        known = {alias.name + (f" as {alias.asname}" if alias.asname else "") for alias in node.names}
        wanted = missing.pop(node.module)
        if wanted <= known:
            continue
        if any("#" in line for line in segment):
            missing[node.module] = wanted - known
        else:
            edits.append((node.lineno - 1, node.end_lineno or node.lineno, _import(node.module, known | wanted)))
    for module, names in sorted(missing.items(), reverse=True):
        place = _place(tree, module, path, last)
        edits.append((place, place, _import(module, names)))
    # From the bottom up, so that the numbers of the lines above stay; what goes to one place is in order already.
    for start, end, line in sorted(edits, key=lambda edit: edit[0], reverse=True):
        lines[start:end] = [line]
    return "\n".join(lines) + "\n"


# --- one policy -------------------------------------------------------------------------------------------------------
def _policy(one: Suggestion, table: str, name: str) -> str:
    lines = [f"@register({table})", f"class {name}(Policy):", f'    """{_sentence(one.why)}"""', ""]
    if one.kind == SUBJECT:
        lines.append("    subject = True")
    if one.paths:
        lines += _value("path", [_path(path) for path in one.paths], bare=True)
    if one.by_key:
        lines += _value("by_key", [json.dumps(part) for part in one.by_key])
    if one.kind in {DELETE, KEEP, NOBODYS}:
        text = {DELETE: "", KEEP: json.dumps(one.reason), NOBODYS: json.dumps(one.why)}[one.kind]
        lines += _call("rows", {DELETE: "delete_rows", KEEP: "keep_rows", NOBODYS: "not_personal"}[one.kind], text)
    lines += _answers(one)
    if one.unlink:
        lines += ["    unlink = {", *(f'        "{name}": (),' for name in one.unlink), "    }"]
    if one.secrets:
        lines += _value("secrets", [json.dumps(name) for name in one.secrets])
    if one.files:
        lines += ["    emits = (", *(line for name, alias in one.files for line in _emit(name, alias)), "    )"]
    lines += _value("suggested", [json.dumps(name) for name in one.suggested or ("rows",)])
    return "\n".join(lines)


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."


def _path(path: str | ByValue) -> str:
    if isinstance(path, str):
        return json.dumps(path)
    subject = f", subject={json.dumps(path.subject)}" if path.subject else ""
    return f"by_value({json.dumps(path.column)}, of={json.dumps(path.of)}{subject})"


def _value(name: str, items: Sequence[str], *, bare: bool = False) -> list[str]:
    """``name = (…)``, on one line where it fits; one item stands alone where it may."""
    alone = f"{items[0]}" if bare else f"({items[0]},)"
    line = f"    {name} = {alone if len(items) == 1 else '(' + ', '.join(items) + ')'}"
    if len(line) <= WIDTH:
        return [line]
    return [f"    {name} = (", *(f"        {item}," for item in items), "    )"]


def _call(name: str, function: str, text: str) -> list[str]:
    line = f"    {name} = {function}({text})"
    return [line] if len(line) <= WIDTH else [f"    {name} = {function}(", f"        {text}", "    )"]


def _emit(name: str, alias: str) -> list[str]:
    return [
        "        emit(",
        '            "file.delete",',
        f'            skip_empty="{name}",',
        f'            name="{name}",',
        f'            constants={{"storage": "{alias}"}},',
        "        ),",
    ]


def _answers(one: Suggestion) -> list[str]:
    """``clear``, ``replace`` and ``keep``, their fields under the reasons why they were guessed."""
    lines: list[str] = []
    for action, opening, closing in (("clear", "(", ")"), ("replace", "{", "}"), ("keep", "{", "}")):
        fields = [(made.why, name, made) for name, made in one.fields.items() if made.action == action]
        if not fields:
            continue
        lines.append(f"    {action} = {opening}")
        for why, group in groupby(sorted(fields, key=lambda item: item[0]), key=lambda item: item[0]):
            lines.append(f"        # {why}")
            for _, name, made in group:
                value = json.dumps(made.source) if action == "keep" else made.source
                lines.append(f'        "{name}",' if action == "clear" else f'        "{name}": {value},')
        lines.append(f"    {closing}")
    return lines
