"""Render one policy into the set-based statements that carry it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.text import format_lazy

from lethe.emits import Emit
from lethe.fields import column_of, field_of, reference_of
from lethe.graph import Way, concrete, parents, way
from lethe.policy import Policy
from lethe.sql import Dialect, Statement, kind_of
from lethe.strategies import EMPTY, Strategy
from lethe.ways import rows_of, ways_of

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

#: How an effect is recorded by a statement.
RECORD = "INSERT INTO lethe_effect (run_id, kind, payload, created_at, next_try_at, attempts, lease, last_error)"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One set-based change: which rows, what is written, how it is counted and how it is checked."""

    name: str
    #: Shown to people, in their language where the declaration's words are lazy; says nothing of what is done.
    title: StrOrPromise = field(compare=False)
    model: str
    fate: str
    table: str
    write: Statement | None
    count: str
    find: str | None = None
    left: str | None = None
    lock: str | None = None
    own: frozenset[tuple[str, str]] = frozenset()
    through: frozenset[tuple[str, str]] = frozenset()
    writes: frozenset[tuple[str, str]] = frozenset()
    counted: bool = True
    rank: int = 0
    constants: tuple[tuple[str, Any], ...] = ()

    @property
    def reads(self) -> frozenset[tuple[str, str]]:
        """Every column that is read to find the step's rows, their own and those of the rows in between."""
        return self.own | self.through

    def needs_before(self, other: Step) -> bool:
        """Whether this step must run before ``other``, because it reads what ``other`` takes away."""
        if self is other:
            return False
        if other.fate == "delete":
            # Rows that are gone need no step of their own, save to say so outside; rows in between are needed.
            own = self.fate == "emit" and self.table == other.table
            return own or any(table == other.table for table, _ in self.through)
        if other.fate == "unlink" and self.fate in {"delete", "unlink"} and self.table == other.table:
            # Unlinking spares rows that are deleted, and a row that is untied needs no untying.
            return bool(self.through & other.writes)
        return bool(self.reads & other.writes)


def steps_of(
    dialect: Dialect, policy: type[Policy], subject: type[Policy], policies: Sequence[type[Policy]], rank: int
) -> Iterator[Step]:
    """The steps of one policy: effects to record, its own rows by each path, references on rows that are others'."""
    if policy.rows is not None and policy.rows.fate == "not personal":
        return
    renderer = _Renderer(dialect, policy, subject, policies, rank)
    yield from renderer.own()
    yield from renderer.unlinks()


def lock_statement(dialect: Dialect, policy: type[Policy], policies: Sequence[type[Policy]] = ()) -> str:
    """The first statement: lock the subjects, and whoever is tied to them, in key order."""
    table = dialect.quote(policy.model._meta.db_table)
    key = dialect.column(policy.model._meta.pk)
    if not dialect.postgres:
        # Any write, even of no row, takes SQLite's write lock at once: nobody can change what is read from here on.
        return f"SELECT t.{key} FROM {table} t WHERE {dialect.in_ids('t.' + key)} ORDER BY t.{key}"
    own = [
        way(dialect, policy.model, name, policy.model, "o").where
        for name in policy.unlink
        if concrete(reference_of(policy.model, name).related_model) is concrete(policy.model)
    ]
    condition = dialect.in_ids(f"t.{key}")
    tied = [f"SELECT o.{key} FROM {table} o WHERE {found}" for found in own]
    tied += _named_beside(dialect, policy, policies)
    if tied:
        condition = f"t.{key} IN (SELECT i.key FROM {dialect.ids_rows()} UNION {' UNION '.join(tied)})"
    return f"SELECT t.{key} FROM {table} t WHERE {condition} ORDER BY t.{key} FOR UPDATE"


def _named_beside(dialect: Dialect, policy: type[Policy], policies: Sequence[type[Policy]]) -> list[str]:
    """SELECTs of the subjects whom kept rows name beside the one they belong to: who pays for whom, either way.

    PostgreSQL checks all foreign keys of a row at commit when a transaction has written it twice, and that locks
    whoever is named. Locked last, and in no order, they would tie two erasures into a deadlock.
    """

    def direct(model: type[models.Model], name: str) -> str:
        field = model._meta.get_field(name)
        if not isinstance(field, models.ForeignKey) or not field.many_to_one:
            return ""
        found = concrete(field.related_model) is concrete(policy.model) and field.target_field == policy.model._meta.pk
        return dialect.column(field) if found else ""

    said = []
    for other in policies:
        if other is policy or other.rows is None or other.rows.fate != "keep":
            continue
        table = dialect.quote(other.model._meta.db_table)
        owners = [direct(other.model, path) for path in other.paths() if "__" not in path]
        named = [direct(other.model, name) for name in other.unlink]
        for here in filter(None, owners):
            for there in filter(None, named):
                said.append(f"SELECT o.{there} FROM {table} o WHERE {dialect.in_ids(f'o.{here}')}")
                said.append(f"SELECT o.{here} FROM {table} o WHERE {dialect.in_ids(f'o.{there}')}")
    return said


def own_values(dialect: Dialect, subject: type[Policy], policies: Sequence[type[Policy]]) -> Iterator[str]:
    """SELECTs of the texts that the subjects' own rows lose, of those who are not erased yet: what stands in the place
    of an erased one's names nobody."""
    own = {concrete(subject.model), *parents(subject.model)}
    mark = f"SELECT 1 FROM lethe_erased e WHERE e.subject = {dialect.text(subject.model._meta.label_lower)}"
    for policy in (policy for policy in policies if concrete(policy.model) in own):
        columns = [
            f"t.{dialect.column(field)}"
            for field, _ in fields_of(policy, policy.strategies())
            if isinstance(field, models.CharField | models.TextField) and not field.choices
        ]
        if columns:
            table, key = dialect.quote(policy.model._meta.db_table), dialect.column(policy.model._meta.pk)
            _, found = ways_of(dialect, policy, subject)[0]
            marked = f"{mark} AND e.key = {dialect.as_text(f't.{key}')}"
            yield f"SELECT {', '.join(columns)} FROM {table} t WHERE {found.where} AND NOT EXISTS ({marked})"


def dirty(dialect: Dialect, policy: type[Policy], changes: Mapping[str, Strategy], row: str = "t") -> str:
    """SQL that is true where a row still holds something that its policy takes away."""
    return " OR ".join(
        f"({strategy.recognise(dialect, field, f'{row}.{dialect.column(field)}')}) IS NOT TRUE"
        for field, strategy in fields_of(policy, changes)
    )


def fields_of(policy: type[Policy], changes: Mapping[str, Strategy]) -> list[tuple[models.Field[Any, Any], Strategy]]:
    """Fields with their strategies, in order of declaration."""
    return [(field_of(policy.model, name), strategy) for name, strategy in changes.items()]


class _Renderer:
    def __init__(
        self,
        dialect: Dialect,
        policy: type[Policy],
        subject: type[Policy],
        policies: Sequence[type[Policy]],
        rank: int,
    ) -> None:
        self.dialect, self.policy, self.subject, self.policies, self.rank = dialect, policy, subject, policies, rank
        self.meta = policy.model._meta
        self.table = dialect.quote(self.meta.db_table)
        self.title = self.meta.verbose_name_plural
        self.ways = ways_of(dialect, policy, subject, policies)

    def own(self) -> Iterator[Step]:
        """Steps for the rows that are the subject's."""
        if self.policy.rows is None and self.policy is not self.subject:
            return
        for index, (path, found) in enumerate(self.ways):
            # A row that two ways lead to is counted and changed once.
            earlier = "".join(f" AND ({other.where}) IS NOT TRUE" for _, other in self.ways[:index])
            where = found.where + earlier
            name = f"{self.meta.label}" + (f" by {path}" if len(self.ways) > 1 else "")
            for number, item in enumerate(self.policy.effects()):
                yield self._emit(f"{name} emits {item.kind} {number}", item, where, found)
            yield self._delete(name, where, found) if self._deletes() else self._keep(name, where, found)

    def unlinks(self) -> Iterator[Step]:
        """Steps for references to the subject on rows that are somebody else's."""
        for name, companions in self.policy.unlink.items():
            field = reference_of(self.policy.model, name)
            changes = dict.fromkeys(companions, EMPTY)
            cleared = [
                (self.dialect.column(other), strategy.expression(self.dialect, other, "t"), column_of(other))
                for other, strategy in fields_of(self.policy, changes)
            ]
            nulled = [column_of(here) for here, _ in field.related_fields if here.null]
            setting = ", ".join(
                [
                    *(f"{self.dialect.quote(column)} = NULL" for column in nulled),
                    *(f"{column} = {value}" for column, value, _ in cleared),
                ]
            )
            ways = rows_of(self.dialect, field, self.policy, self.subject, self.policies)
            for number, found in enumerate(ways):
                where = found.where
                if self._deletes():
                    where += "".join(f" AND ({own.where}) IS NOT TRUE" for _, own in self.ways)
                yield self._step(
                    name=f"{self.meta.label}.{name}" + (f" {number + 1}" if len(ways) > 1 else ""),
                    title=format_lazy("{rows}: {field}", rows=self.title, field=getattr(field, "verbose_name", name)),
                    fate="unlink",
                    write=Statement(f"UPDATE {self.table} AS t SET {setting} WHERE {where}"),
                    where=where,
                    left=f"SELECT count(*) FROM {self.table} t WHERE {where}",
                    lock=self._lock([where]),
                    found=self._with_own_ways(found) if self._deletes() else found,
                    writes=frozenset(
                        (self.meta.db_table, column) for column in (*nulled, *(raw for *_, raw in cleared))
                    ),
                )

    def _with_own_ways(self, found: Way) -> Way:
        """Reading which rows are deleted anyway reads what finds them."""
        through = found.through.union(*(own.through for _, own in self.ways))
        return Way(found.where, found.own.union(*(own.own for _, own in self.ways)), through)

    # --- one kind of step each ----------------------------------------------------------------------------------------
    def _deletes(self) -> bool:
        return self.policy.rows is not None and self.policy.rows.fate == "delete"

    def _delete(self, name: str, where: str, found: Way) -> Step:
        return self._step(
            name=name,
            title=self.title,
            fate="delete",
            write=Statement(f"DELETE FROM {self.table} AS t WHERE {where}"),
            where=where,
            left=f"SELECT count(*) FROM {self.table} t WHERE {where}",
            lock=self._lock([other.where for _, other in self.ways]) if len(self.ways) > 1 else None,
            found=found,
            writes=frozenset({(self.meta.db_table, "*")}),
        )

    def _keep(self, name: str, where: str, found: Way) -> Step:
        changes = self.policy.strategies()
        fate = "subject" if self.policy is self.subject else "keep"
        if not changes:
            return self._step(name=name, title=self.title, fate=fate, write=None, where=where, found=found)
        setting = ", ".join(
            f"{self.dialect.column(field)} = {strategy.expression(self.dialect, field, 't')}"
            for field, strategy in fields_of(self.policy, changes)
        )
        still = dirty(self.dialect, self.policy, changes)
        # A row that holds nothing to clear is not written. Where the new value is drawn, "holds nothing" cannot be
        # told from a real value of the same shape, so all are written.
        only = f" AND ({still})" if not any(strategy.drawn for strategy in changes.values()) else ""
        return self._step(
            name=name,
            title=self.title,
            fate=fate,
            write=Statement(f"UPDATE {self.table} AS t SET {setting} WHERE {where}{only}"),
            where=where,
            left=f"SELECT count(*) FROM {self.table} t WHERE {where} AND ({still})",
            found=found,
            writes=frozenset((self.meta.db_table, column_of(field)) for field, _ in fields_of(self.policy, changes)),
        )

    def _emit(self, name: str, item: Emit, where: str, found: Way) -> Step:
        fields = {key: field_of(self.policy.model, name) for key, name in item.columns}
        pairs = [(key, f"t.{self.dialect.column(field)}") for key, field in fields.items()]
        pairs += [(key, self.dialect.text(value)) for key, value in item.constants]
        if item.skip_empty:
            column = f"t.{self.dialect.column(field_of(self.policy.model, item.skip_empty))}"
            where = f"{where} AND {column} <> ''"
        emitted = frozenset((self.meta.db_table, column_of(field)) for field in fields.values())
        now, payload = self.dialect.now(), self.dialect.json_object(pairs)
        run = self.dialect.param("run") + ("::uuid" if self.dialect.postgres else "")
        return self._step(
            name=name,
            title=self.title,
            fate="emit",
            write=Statement(
                f"{RECORD} SELECT {run}, {self.dialect.text(item.kind)}, e.payload, {now}, {now}, 0, '', '' "
                f"FROM (SELECT {'DISTINCT ' * item.once}{payload} AS payload "
                f"FROM {self.table} t WHERE {where}) e"
            ),
            where=where,
            found=Way(found.where, found.own | emitted, found.through),
            counted=False,
        )

    def _step(self, *, where: str, found: Way, counted: bool = True, **values: Any) -> Step:
        key = self.meta.pk_fields
        whole = len(key) == 1 and kind_of(key[0]) == "whole"
        keys = self.dialect.key_summary(self.dialect.row_key("t", key), whole=whole)
        chosen = ", ".join(f"t.{self.dialect.column(field)}" for field in key)
        name = values["name"]
        return Step(
            model=self.meta.label,
            table=self.meta.db_table,
            rank=self.rank,
            counted=counted,
            own=found.own,
            through=found.through,
            find=f"SELECT {chosen} FROM {self.table} t WHERE {where}",
            count=(
                f"SELECT {self.dialect.text(name)} AS name, '' AS unit, count(*) AS n, '' AS amount, {keys} AS keys "
                f"FROM {self.table} t WHERE {where}"
            ),
            **values,
        )

    def _lock(self, conditions: Sequence[str]) -> str | None:
        """Lock rows that several subjects share, in key order, just before they change (two workers never deadlock)."""
        if not self.dialect.postgres:
            return None
        columns = [self.dialect.column(field) for field in self.meta.pk_fields]
        ordered = ", ".join(f"l.{column}" for column in columns)
        chosen = ", ".join(f"t.{column}" for column in columns)
        union = " UNION ".join(f"SELECT {chosen} FROM {self.table} t WHERE {condition}" for condition in conditions)
        row = ordered if len(columns) == 1 else f"({ordered})"
        return f"SELECT 1 FROM {self.table} l WHERE {row} IN ({union}) ORDER BY {ordered} FOR UPDATE"
