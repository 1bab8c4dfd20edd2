"""Search the whole database and the file store for a person's former values.

One pass over every text and JSON column of every table, models or not, with all values at once (Aho-Corasick), spelling
and notation folded. What the plan covers is left out: a find is what an erasure would leave behind, a colleague's note
that names the person, say. Results are places, never values.

The search reads everything and takes seconds: it runs beside the preview, never inside the erasing transaction.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.core.files.storage import Storage, default_storage
from django.db import connections, models
from django.utils import timezone

from lethe.connection import Runner
from lethe.exceptions import ExtraMissing, StoreNotSearched
from lethe.fields import column_of
from lethe.folding import SHORTEST, digits, fold
from lethe.partial import ScrubKeys
from lethe.plan import Plan
from lethe.policy import Policy
from lethe.sql import Dialect
from lethe.steps import Step

#: How much one find says: an address or a number is one person's, a common first name alone is many people's.
CERTAIN, LIKELY, WEAK = 3, 2, 1
#: Digits from which a run of digits counts as a telephone number.
NUMBER = 7
#: Digits at the end of a telephone number that are written in every notation of it.
SUBSCRIBER = 9
#: Rows read at once, bytes read at once, and the largest file whose content is read.
ROWS, CHUNK, LARGEST = 2_000, 1 << 20, 64 << 20

_BOUNDARY = re.compile(r"\w")
_DIALLED = re.compile(r"\+?[\d(][\d\s()./-]{5,}\d")
_NUMERIC = re.compile(r"[\d\s()+./x-]+")
#: How SQLite's types that hold no text begin.
_NUMBERS = ("int", "bigint", "smallint", "bool", "real", "decimal", "numeric", "date", "time", "float", "double")
_NAMES = {"first_name", "last_name", "name", "surname", "given_name", "family_name", "full_name"}


def _subscriber(number: str) -> str:
    """The end of a telephone number, which is the same with a country's code, with a zero instead of it, or without."""
    return digits(number.replace("(0)", "")).lstrip("0")[-SUBSCRIBER:]


@dataclass(frozen=True, order=True)
class Place:
    """Where a value still stands: table, key of the row and column, or a file's key in the store."""

    strength: int
    table: str
    key: str
    column: str
    model: str = ""
    kinds: tuple[str, ...] = ()


@dataclass
class Values:
    """What is searched for: folded text, and digits of telephone numbers, each with what kind of value it is."""

    texts: dict[str, tuple[str, int]] = field(default_factory=dict)
    numbers: dict[str, tuple[str, int]] = field(default_factory=dict)

    def add(self, kind: str, value: str, strength: int) -> None:
        """Take a value up, unless it is too short to mean anyone."""
        folded = fold(value)
        if _NUMERIC.fullmatch(value) and len(digits(value)) >= NUMBER:
            self.numbers.setdefault(_subscriber(value), (kind, CERTAIN))
        elif len(folded) >= SHORTEST and not folded.isdecimal():
            known = self.texts.get(folded)
            if known is None or known[1] < strength:
                self.texts[folded] = (kind, strength)

    def __len__(self) -> int:
        return len(self.texts) + len(self.numbers)


def values_of(plan: Plan, ids: Sequence[Any]) -> Values:
    """Collect the subjects' values that their policies take away: of changed fields, and of rows that go."""
    runner, given = _given(plan, ids)
    policies = {policy.model._meta.label: policy for policy in plan.policies}
    quote = Dialect(runner.connection).quote
    read, work = [], []
    for step in plan.steps:
        if step.find is None or step.fate in {"unlink", "emit"}:
            continue
        policy = policies[step.model]
        shown = _textual(policy, step)
        if shown:
            columns = ", ".join(f"t.{quote(one.column)}" for one in shown)
            read.append((policy, shown))
            work.append((f"SELECT {columns} FROM {step.find.partition(' FROM ')[2]}", given))
    # All of them at once: in the erasing transaction every round trip counts.
    found = Values()
    for (policy, shown), (_, rows) in zip(read, runner.run(work) if work else (), strict=True):
        _take(policy, shown, rows, found)
    return found


def _textual(policy: type[Policy], step: Step) -> list[Any]:
    """The fields whose values could stand in somebody's free text."""
    changed = policy.strategies()
    return [
        one
        for one in policy.model._meta.concrete_fields
        if (isinstance(one, models.CharField | models.TextField) or isinstance(changed.get(one.name), ScrubKeys))
        and not one.choices
        and (step.fate == "delete" or one.name in changed)
        and one.name not in policy.not_sought
    ]


def _take(policy: type[Policy], shown: list[Any], rows: list[tuple[Any, ...]], found: Values) -> None:
    names = [one.attname for one in shown]
    person = sorted((one.attname for one in shown if one.name in _NAMES), key=names.index)
    strategies = policy.strategies()
    for row in rows:
        values = dict(zip(names, row, strict=True))
        for one in shown:
            value = values[one.attname]
            strategy = strategies.get(one.name)
            if isinstance(strategy, ScrubKeys):
                for text in strategy.texts(json.loads(value) if isinstance(value, str) else value):
                    found.add(str(one.verbose_name), text, CERTAIN if "@" in text else LIKELY)
            elif isinstance(value, str) and value:
                strength = CERTAIN if "@" in value or len(fold(value)) >= 12 else LIKELY
                alone = one.name in _NAMES and " " not in fold(value)
                found.add(str(one.verbose_name), value, WEAK if alone else strength)
        whole = " ".join(values[name] for name in person if values[name])
        if len(person) > 1 and " " in whole:
            found.add("full name", whole, CERTAIN)


def search(
    plan: Plan, ids: Sequence[Any], *, values: Values | None = None, store: Storage | None = None
) -> list[Place]:
    """Every place that holds one of the subjects' values and that the plan does not cover; the surest first.

    ``values`` may be collected beforehand (:func:`values_of`), to search again once the subjects are erased. Raises
    ``StoreNotSearched`` where the file store cannot list its files.
    """
    sought = values_of(plan, ids) if values is None else values
    if not len(sought):
        return []
    matcher = Matcher(sought)
    covered, own = _covered(plan, ids), _own_columns(plan)
    places = [
        place
        for table, model, columns, key in _tables(plan.using)
        for place in _search_table(plan.using, table, model, columns, key, matcher, covered.get(table, {}), own)
        if place.strength > WEAK or own.get((place.table, place.column)) is not False
    ]
    places += _search_files(default_storage if store is None else store, matcher)
    return sorted(places, key=lambda place: (-place.strength, place.table, place.key))


class Matcher:
    """All values in one automaton for text and one for digits."""

    def __init__(self, values: Values) -> None:
        self._texts, self._numbers = _automaton(values.texts), _automaton(values.numbers)
        self._whole = {*values.texts, *values.numbers}

    def find(self, text: str) -> dict[str, int]:
        """Kinds of the values that stand in ``text`` as whole words or numbers, and how much each says."""
        found: dict[str, int] = {}
        if self._texts is not None:
            folded = fold(text)
            for end, (needle, kind, strength) in self._texts.iter(folded):
                start = end - len(needle) + 1
                before, after = folded[start - 1 : start] if start else "", folded[end + 1 : end + 2]
                if not _BOUNDARY.match(before) and not _BOUNDARY.match(after):
                    found[kind] = max(found.get(kind, 0), strength)
        if self._numbers is not None:
            for run in _DIALLED.findall(text):
                for _, (_, kind, strength) in self._numbers.iter(digits(run.replace("(0)", ""))):
                    found[kind] = max(found.get(kind, 0), strength)
        return found

    def is_one(self, text: str) -> bool:
        """Whether the whole of ``text`` is one of the values."""
        if fold(text) in self._whole:
            return True
        return bool(_NUMERIC.fullmatch(text)) and _subscriber(text) in self._whole


def _automaton(needles: dict[str, tuple[str, int]]) -> Any:
    if not needles:
        return None
    try:
        import ahocorasick
    except ImportError:
        raise ExtraMissing("residue", "The search for what is left behind") from None
    automaton = ahocorasick.Automaton()
    for needle, (kind, strength) in needles.items():
        automaton.add_word(needle, (needle, kind, strength))
    automaton.make_automaton()
    return automaton


# --- where to look ----------------------------------------------------------------------------------------------------
def _tables(using: str) -> Iterator[tuple[str, str, list[str], str]]:
    """Every table with text or JSON columns: name, model label, those columns, SQL of the key. From the catalogue."""
    connection = connections[using]
    labels = {model._meta.db_table: model._meta.label for model in apps.get_models(include_auto_created=True)}
    with connection.cursor() as cursor:
        for info in connection.introspection.get_table_list(cursor):
            if info.type != "t" or info.name == "django_migrations":
                continue
            columns, key = _columns(connection, cursor, info.name)
            # What an effect carries is scrubbed when it is done.
            columns = [name for name in columns if (info.name, name) != ("lethe_effect", "payload")]
            if columns:
                # Without a key the row's place in the file is said, never what stands in it.
                beyond = "ctid::text" if connection.vendor == "postgresql" else "rowid"
                yield info.name, labels.get(info.name, ""), columns, connection.ops.quote_name(key) if key else beyond


def _columns(connection: Any, cursor: Any, table: str) -> tuple[list[str], str | None]:
    """The columns of a table that hold text, and its key column if it has one."""
    if connection.vendor == "sqlite":
        # Django reads the table's SQL, and stumbles over columns that are computed.
        cursor.execute(f"PRAGMA table_xinfo({connection.ops.quote_name(table)})")
        known = [(name, kind.lower(), key) for _, name, kind, _, _, key, hidden in cursor.fetchall() if hidden != 1]
        keys = sorted((number, name) for name, _, number in known if number)
        return [name for name, kind, _ in known if not kind.startswith(_NUMBERS)], keys[0][1] if keys else None
    described = connection.introspection.get_table_description(cursor, table)
    columns = [one.name for one in described if _holds_text(connection, one)]
    return columns, connection.introspection.get_primary_key_column(cursor, table)


def _holds_text(connection: Any, described: Any) -> bool:
    try:
        kind = connection.introspection.get_field_type(described.type_code, described)
    except KeyError:
        return True
    return kind in {"CharField", "TextField", "JSONField", "GenericIPAddressField", "BinaryField"}


def _search_table(
    using: str,
    table: str,
    model: str,
    columns: list[str],
    key: str,
    matcher: Matcher,
    covered: dict[Any, frozenset[str]],
    own: dict[tuple[str, str], bool],
) -> Iterator[Place]:
    connection = connections[using]
    quote = connection.ops.quote_name
    selected = ", ".join((key, *(quote(column) for column in columns)))
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT {selected} FROM {quote(table)}")
        while rows := cursor.fetchmany(ROWS):
            for row in rows:
                gone = covered.get(str(row[0]), frozenset())
                if "*" in gone:
                    continue
                for column, value in zip(columns, row[1:], strict=True):
                    if value and column not in gone:
                        text = _as_text(value)
                        found = matcher.find(text)
                        if found and not ((table, column) in own and matcher.is_one(text)):
                            yield Place(max(found.values()), table, str(row[0]), column, model, tuple(sorted(found)))


def _as_text(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, str):
        if "\\u" not in value:
            return value
        # JSON that is kept as text may hold letters by their numbers.
        try:
            value = json.loads(value)
        except ValueError:
            return str(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _covered(plan: Plan, ids: Sequence[Any]) -> dict[str, dict[Any, frozenset[str]]]:
    """Table to row key to the columns that the plan takes away there; ``*`` where the row goes."""
    runner, given = _given(plan, ids)
    policies = {policy.model._meta.label: policy for policy in plan.policies}
    covered: dict[str, dict[Any, frozenset[str]]] = {}
    for step in plan.steps:
        if step.find is None or step.fate == "emit":
            continue
        meta = policies[step.model].model._meta
        columns = frozenset(column for table, column in step.writes if table == meta.db_table)
        rows = covered.setdefault(meta.db_table, {})
        for row in runner.one(step.find, given)[1]:
            rows[str(row[0])] = rows.get(str(row[0]), frozenset()) | columns
    return covered


def _own_columns(plan: Plan) -> dict[tuple[str, str], bool]:
    """Columns in which people's own values stand, and whether they are free text.

    That another client has the same first name, the same allergy or lives in a street of that name says nothing of this
    one: a cell that is the value as a whole is that other client's own, and so is a name within a short field.
    """
    return {
        (policy.model._meta.db_table, column_of(one)): isinstance(one, models.TextField | models.JSONField)
        and one.name not in policy.not_sought
        for policy in plan.policies
        for one in policy.model._meta.concrete_fields
        if policy.rows is not None or policy.subject
    }


def _given(plan: Plan, ids: Sequence[Any]) -> tuple[Runner, dict[str, Any]]:
    runner = Runner(plan.using)
    dialect = Dialect(runner.connection, key_type=plan.key_type)
    return runner, {
        "ids": dialect.ids_value(ids, plan.model._meta.pk),
        "now": dialect.moment_value(timezone.now()),
    }


def _search_files(store: Storage, matcher: Matcher, folder: str = "") -> Iterator[Place]:
    """The file store: names, and contents as far as they are text."""
    try:
        folders, names = store.listdir(folder)
    except FileNotFoundError:
        return
    except NotImplementedError:
        # Django's word of a storage class without ``listdir``. "Nothing found" would be a claim that nobody checked.
        raise StoreNotSearched from None
    for name in names:
        key = f"{folder}/{name}" if folder else name
        found = matcher.find(key)
        if store.size(key) <= LARGEST:
            with store.open(key) as file:
                tail = b""
                while chunk := file.read(CHUNK):
                    found |= matcher.find((tail + chunk).decode("utf-8", "replace"))
                    tail = chunk[-200:]
        if found:
            yield Place(max(found.values()), "", key, "", "", tuple(sorted(found)))
    for inner in folders:
        yield from _search_files(store, matcher, f"{folder}/{inner}" if folder else inner)
