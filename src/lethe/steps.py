"""Render one policy into the set-based statements that carry it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import models

from lethe.graph import Way, concrete, way
from lethe.policy import Emit, Policy
from lethe.sql import Dialect, Statement
from lethe.strategies import EMPTY, Strategy

if TYPE_CHECKING:
    from lethe.plan import Step


#: How an effect is recorded by a statement.
RECORD = "INSERT INTO lethe_effect (run_id, kind, payload, created_at, next_try_at, attempts, lease, last_error)"


def steps_of(
    dialect: Dialect, policy: type[Policy], subject: type[Policy], policies: Sequence[type[Policy]], rank: int
) -> Iterator[Step]:
    """The steps of one policy: effects to record, its own rows by each path, references on rows that are others'."""
    if policy.rows is not None and policy.rows.fate == "not personal":
        return
    renderer = _Renderer(dialect, policy, subject, policies, rank)
    yield from renderer.own()
    yield from renderer.unlinks()


def lock_statement(dialect: Dialect, policy: type[Policy]) -> str:
    """The first statement: lock the subjects, and those that name them, in key order; read the moment that counts."""
    table = dialect.quote(policy.model._meta.db_table)
    key = dialect.quote(policy.model._meta.pk.column)
    if not dialect.postgres:
        # Any write, even of no row, takes SQLite's write lock at once: nobody can change what is read from here on.
        return f"SELECT t.{key} FROM {table} t WHERE {dialect.in_ids('t.' + key)} ORDER BY t.{key}"
    own = [
        dialect.quote(policy.model._meta.get_field(name).column)
        for name in policy.unlink
        if policy.model._meta.get_field(name).related_model is policy.model
    ]
    condition = dialect.in_ids(f"t.{key}")
    if own:
        named = "".join(f" UNION SELECT o.{key} FROM {table} o WHERE {dialect.in_ids(f'o.{column}')}" for column in own)
        condition = f"t.{key} IN (SELECT i.key FROM {dialect.ids_rows()}{named})"
    return f"SELECT t.{key}, statement_timestamp() FROM {table} t WHERE {condition} ORDER BY t.{key} FOR UPDATE"


def ways_of(dialect: Dialect, policy: type[Policy], subject: type[Policy], alias: str = "t") -> list[Way]:
    """How rows of the policy's model are found: the subject by its key, all others by their paths."""
    if policy is subject:
        key = policy.model._meta.pk
        column = f"{alias}.{dialect.quote(key.column)}"
        return [Way(dialect.in_ids(column), frozenset({(policy.model._meta.db_table, key.column)}))]
    return [way(dialect, policy.model, path, subject.model, alias) for path in policy.paths()]


def dirty(dialect: Dialect, policy: type[Policy], changes: Mapping[str, Strategy], row: str = "t") -> str:
    """SQL that is true where a row still holds something that its policy takes away."""
    return " OR ".join(
        f"({strategy.recognise(dialect, field, f'{row}.{dialect.quote(field.column)}')}) IS NOT TRUE"
        for field, strategy in fields_of(policy, changes)
    )


def fields_of(policy: type[Policy], changes: Mapping[str, Strategy]) -> list[tuple[models.Field[Any, Any], Strategy]]:
    """Fields with their strategies, in order of declaration."""
    return [(policy.model._meta.get_field(name), strategy) for name, strategy in changes.items()]


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
        self.title = str(self.meta.verbose_name_plural)
        self.ways = ways_of(dialect, policy, subject)
        if policy.by_key:
            self.ways.append(self._by_key())

    def own(self) -> Iterator[Step]:
        """Steps for the rows that are the subject's."""
        if self.policy.rows is None and self.policy is not self.subject:
            return
        names = ["" if self.policy is self.subject else path for path in self.policy.paths()]
        names = names or [""]
        if self.policy.by_key:
            names = [*self.policy.paths(), "key"]
        for index, found in enumerate(self.ways):
            earlier = "".join(f" AND ({other.where}) IS NOT TRUE" for other in self.ways[:index])
            where = found.where + earlier
            name = f"{self.meta.label}" + (f" by {names[index]}" if len(self.ways) > 1 else "")
            for number, item in enumerate(self.policy.emits):
                yield self._emit(f"{name} emits {item.kind} {number}", item, where, found)
            yield self._delete(name, where, found) if self._deletes() else self._keep(name, where, found)

    def unlinks(self) -> Iterator[Step]:
        """Steps for references to the subject on rows that are somebody else's."""
        for name, companions in self.policy.unlink.items():
            field = self.meta.get_field(name)
            column = self.dialect.quote(field.column)
            where, reads = self._named(field)
            if self._deletes():
                where += "".join(f" AND ({own.where}) IS NOT TRUE" for own in self.ways)
            changes = dict.fromkeys(companions, EMPTY)
            cleared = [
                (self.dialect.quote(other.column), strategy.expression(self.dialect, other, "t"), other.column)
                for other, strategy in fields_of(self.policy, changes)
            ]
            setting = ", ".join([f"{column} = NULL", *(f"{col} = {value}" for col, value, _ in cleared)])
            yield self._step(
                name=f"{self.meta.label}.{name}",
                title=f"{self.title}: {getattr(field, 'verbose_name', name)}",
                fate="unlink",
                write=Statement(f"UPDATE {self.table} AS t SET {setting} WHERE {where}"),
                where=where,
                left=f"SELECT count(*) FROM {self.table} t WHERE {where}",
                lock=self._lock([where]),
                reads=reads,
                writes=frozenset(
                    {(self.meta.db_table, field.column), *((self.meta.db_table, raw) for _, _, raw in cleared)}
                ),
            )

    # --- one kind of step each ----------------------------------------------------------------------------------------
    def _deletes(self) -> bool:
        return self.policy.rows is not None and self.policy.rows.fate == "delete"

    def _delete(self, name: str, where: str, found: Way) -> Step:
        direct = all(table == self.meta.db_table for table, _ in found.reads)
        return self._step(
            name=name,
            title=self.title,
            fate="delete",
            write=Statement(f"DELETE FROM {self.table} AS t WHERE {where}"),
            where=where,
            left=f"SELECT count(*) FROM {self.table} t WHERE {where}" if direct else None,
            lock=self._lock([other.where for other in self.ways]) if len(self.ways) > 1 else None,
            reads=self._all_reads(found),
            writes=frozenset({(self.meta.db_table, "*")}),
        )

    def _keep(self, name: str, where: str, found: Way) -> Step:
        changes = self.policy.strategies()
        fate = "subject" if self.policy is self.subject else "keep"
        if not changes:
            return self._step(
                name=name, title=self.title, fate=fate, write=None, where=where, reads=self._all_reads(found)
            )
        setting = ", ".join(
            f"{self.dialect.quote(field.column)} = {strategy.expression(self.dialect, field, 't')}"
            for field, strategy in fields_of(self.policy, changes)
        )
        still = dirty(self.dialect, self.policy, changes)
        # A row that holds nothing to clear is not written. Where the new value is random, "holds nothing" cannot be
        # told from a real value of the same shape, so all are written.
        only = f" AND ({still})" if all(strategy.constant for strategy in changes.values()) else ""
        return self._step(
            name=name,
            title=self.title,
            fate=fate,
            write=Statement(f"UPDATE {self.table} AS t SET {setting} WHERE {where}{only}"),
            where=where,
            left=f"SELECT count(*) FROM {self.table} t WHERE {where} AND ({still})",
            reads=self._all_reads(found),
            writes=frozenset((self.meta.db_table, field.column) for field, _ in fields_of(self.policy, changes)),
        )

    def _emit(self, name: str, item: Emit, where: str, found: Way) -> Step:
        pairs = [
            (key, f"t.{self.dialect.quote(self.meta.get_field(column).column)}") for key, column in item.columns
        ] + [(key, self.dialect.text(value)) for key, value in item.constants]
        if item.skip_empty:
            column = f"t.{self.dialect.quote(self.meta.get_field(item.skip_empty).column)}"
            where = f"{where} AND {column} <> ''"
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
            reads=self._all_reads(found),
            counted=False,
        )

    def _step(self, *, where: str, counted: bool = True, **values: Any) -> Step:
        from lethe.plan import Step

        key = self.meta.pk
        if key.column is None:  # a composite key: counted, and told apart by its number only
            keys = "''"
        else:
            keys = self.dialect.key_summary(f"t.{self.dialect.quote(key.column)}", key)
        name = values["name"]
        return Step(
            model=self.meta.label,
            table=self.meta.db_table,
            rank=self.rank,
            counted=counted,
            find=f"SELECT {', '.join(self._key_columns())} FROM {self.table} t WHERE {where}",
            count=(
                f"SELECT {self.dialect.text(name)} AS name, '' AS unit, count(*) AS n, '' AS amount, {keys} AS keys "
                f"FROM {self.table} t WHERE {where}"
            ),
            **values,
        )

    def _key_columns(self) -> list[str]:
        """The primary key's columns: several where it is composite."""
        return [f"t.{self.dialect.quote(one.column)}" for one in self.meta.pk_fields]

    # --- finding rows -------------------------------------------------------------------------------------------------
    def _named(self, field: models.Field[Any, Any]) -> tuple[str, frozenset[tuple[str, str]]]:
        """Rows whose ``field`` names the subject, or a row that is the subject's."""
        column = f"t.{self.dialect.quote(field.column)}"
        own = (self.meta.db_table, field.column)
        target = concrete(field.related_model)
        if target is concrete(self.subject.model):
            return self.dialect.in_ids(column), frozenset({own})
        found = way(
            self.dialect,
            self.policy.model,
            f"{field.name}__{self._path_of(target)}",
            self.subject.model,
        )
        return found.where, found.reads

    def _path_of(self, target: type[models.Model]) -> str:
        from lethe.exceptions import PolicyError

        for policy in self.policies:
            if concrete(policy.model) is target and policy.paths():
                return policy.paths()[0]
        raise PolicyError(
            f"{self.meta.label} unlinks a reference to {target._meta.label}, which has no policy with a path."
        )

    def _by_key(self) -> Way:
        """Rows that point by value, as audits do, at the subject or at any row that is the subject's."""
        assert self.policy.by_key is not None
        type_field, key_field = (self.meta.get_field(name) for name in self.policy.by_key)
        wanted = {concrete(model) for model in self.policy.by_key_models()} if self.policy.by_key_models else None
        parts, reads = [], {(self.meta.db_table, type_field.column), (self.meta.db_table, key_field.column)}
        for other in self.policies:
            if other.by_key or (wanted is not None and concrete(other.model) not in wanted):
                continue
            meta = other.model._meta
            for found in ways_of(self.dialect, other, self.subject, "k"):
                key = self.dialect.as_text(f"k.{self.dialect.quote(meta.pk.column)}", meta.pk)
                parts.append(
                    "SELECT (SELECT c.id FROM django_content_type c WHERE "
                    f"c.app_label = {self.dialect.text(meta.app_label)} "
                    f"AND c.model = {self.dialect.text(meta.model_name)}), "
                    f"{key} FROM {self.dialect.quote(meta.db_table)} k WHERE {found.where}"
                )
                reads |= {(meta.db_table, meta.pk.column), *found.reads}
        left, right = self.dialect.quote(type_field.column), self.dialect.quote(key_field.column)
        return Way(f"(t.{left}, t.{right}) IN ({' UNION ALL '.join(parts)})", frozenset(reads))

    def _all_reads(self, found: Way) -> frozenset[tuple[str, str]]:
        return frozenset(found.reads)

    def _lock(self, conditions: Sequence[str]) -> str | None:
        """Lock rows that several subjects share, in key order, just before they change (two workers never deadlock)."""
        if not self.dialect.postgres:
            return None
        key = self.dialect.quote(self.meta.pk.column)
        union = " UNION ".join(f"SELECT t.{key} FROM {self.table} t WHERE {condition}" for condition in conditions)
        return f"SELECT l.{key} FROM {self.table} l WHERE l.{key} IN ({union}) ORDER BY l.{key} FOR UPDATE"
