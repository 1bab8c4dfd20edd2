"""Schemas that nobody drew by hand: models, policies and rows, made from a description that Hypothesis draws."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.test.utils import isolate_apps
from hypothesis import strategies as st

from lethe import RandomDigits, RandomEmail, by_value, delete_rows, keep_rows
from lethe.models import ErasedMark, SubjectKey
from lethe.plan import Plan, compile_plan
from lethe.registry import Registry
from lethe.seal import triggers
from tests.lethe.support.registries import declared

WHY = "it is counted by month"
KEYS = ("auto", "uuid", "text")
SUBJECT = "Subject"


@dataclass(frozen=True)
class Kind:
    """A model that leads to the subject: its key, what it refers to, and what becomes of its rows."""

    name: str
    key: str
    fate: str
    targets: tuple[str, ...]
    """One or two models; each is a path."""
    by_code: bool = False
    """Whether a reference to the subject is by a column that is not the key."""
    itself: bool = False
    mention: bool = False
    """Whether a row can name a subject that it does not belong to."""
    history: bool = False
    column: str = ""
    """The name of the column of its text."""


@dataclass(frozen=True)
class Schema:
    """A whole schema."""

    key: str
    parent: bool
    """Whether the subject's row begins in another table."""
    itself: bool
    tags: str
    """What becomes of a many-to-many table: "", "delete" or "keep"."""
    value: str
    """A table that knows the subject by value: "", "text", "key" or "json"."""
    generic: bool
    kinds: tuple[Kind, ...]


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """Schemas of one to four models around a subject."""
    kinds: list[Kind] = []
    parent = draw(st.booleans())
    for number in range(draw(st.integers(1, 4))):
        name = f"Kind{number}"
        # What refers to rows that are deleted is deleted along; only keys of one column can be referred to.
        known = [SUBJECT, *(kind.name for kind in kinds if kind.key != "pair")]
        targets = tuple(draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True)))
        fates = {kind.name: kind.fate for kind in kinds}
        doomed = any(fates.get(target) == "delete" for target in targets)
        fate = "delete" if doomed else draw(st.sampled_from(["delete", "keep"]))
        kinds.append(
            Kind(
                name=name,
                key=draw(st.sampled_from([*KEYS, "pair"])),
                fate=fate,
                targets=targets,
                by_code=fate == "delete" and not parent and draw(st.booleans()),
                itself=draw(st.booleans()),
                mention=draw(st.booleans()),
                history=fate == "keep" and draw(st.booleans()),
                column=draw(st.sampled_from(["", "Some Text", "select", "naïve"])),
            )
        )
        if kinds[-1].key == "pair" and kinds[-1].itself:
            kinds[-1] = Kind(**{**vars(kinds[-1]), "itself": False})
    return Schema(
        key="auto" if parent else draw(st.sampled_from(KEYS)),
        parent=parent,
        itself=draw(st.booleans()),
        tags=draw(st.sampled_from(["", "delete", "keep"])),
        value=draw(st.sampled_from(["", "text", "key", "json"])),
        generic=draw(st.booleans()),
        kinds=tuple(kinds),
    )


#: Every shape at least once, whatever is drawn.
EXAMPLES = (
    Schema(
        key="uuid",
        parent=False,
        itself=True,
        tags="delete",
        value="key",
        generic=True,
        kinds=(
            Kind("Kind0", "pair", "keep", (SUBJECT,), mention=True, column="Some Text"),
            Kind("Kind1", "text", "delete", (SUBJECT,), by_code=True, itself=True, mention=True),
            Kind("Kind2", "uuid", "delete", ("Kind1", SUBJECT), itself=True),
        ),
    ),
    Schema(
        key="text",
        parent=False,
        itself=True,
        tags="keep",
        value="text",
        generic=True,
        kinds=(
            Kind("Kind0", "uuid", "keep", (SUBJECT,), itself=True, mention=True, history=True),
            Kind("Kind1", "auto", "keep", ("Kind0", SUBJECT), column="naïve"),
            Kind("Kind2", "text", "delete", ("Kind1",), itself=True, mention=True),
            Kind("Kind3", "pair", "delete", ("Kind2", "Kind0")),
        ),
    ),
    Schema(
        key="auto",
        parent=True,
        itself=True,
        tags="delete",
        value="json",
        generic=True,
        kinds=(
            Kind("Kind0", "auto", "keep", (SUBJECT,), history=True, itself=True),
            Kind("Kind1", "auto", "delete", (SUBJECT, "Kind0"), mention=True, column="select"),
        ),
    ),
)


@dataclass
class Made:
    """A schema's models, policies and plan, standing in the database."""

    schema: Schema
    models: dict[str, type[models.Model]]
    source: Registry
    plan: Plan
    rows: Rows = field(init=False)

    def __post_init__(self) -> None:
        self.rows = Rows(self)


@contextmanager
def standing(schema: Schema) -> Iterator[Made]:
    """Make the tables and triggers of a schema, and take them away afterwards."""
    with isolate_apps("tests.lethe.apps.shop", "django.contrib.contenttypes"):
        made = _models(schema)
        source = declared(*_policies(schema, made))
        tables = [model for model in made.values() if not model._meta.auto_created]
        with connection.schema_editor() as editor:
            for model in tables:
                editor.create_model(model)
        try:
            plan = compile_plan(made[SUBJECT], "default", source)
            with connection.cursor() as cursor:
                for trigger in triggers(plan):
                    if trigger.function:
                        cursor.execute(trigger.function)
                    cursor.execute(trigger.create)
            yield Made(schema, made, source, plan)
        finally:
            with connection.constraint_checks_disabled(), connection.cursor() as cursor:
                cascade = " CASCADE" if connection.vendor == "postgresql" else ""
                for model in reversed(list(made.values())):
                    cursor.execute(f"DROP TABLE IF EXISTS {connection.ops.quote_name(model._meta.db_table)}{cascade}")
            ErasedMark.objects.all().delete()
            SubjectKey.objects.all().delete()
            ContentType.objects.filter(app_label="shop", model__in=[name.lower() for name in made]).delete()
            ContentType.objects.clear_cache()


# --- models -----------------------------------------------------------------------------------------------------------
def _model(name: str, bases: tuple[type[models.Model], ...] = (models.Model,), /, **fields: Any) -> type[models.Model]:
    meta = type("Meta", (), {"app_label": "shop", "db_table": f"drawn_{name.lower()}"})
    return type(name, bases, {"__module__": __name__, "Meta": meta, **fields})


def _key(kind: str) -> dict[str, Any]:
    if kind == "uuid":
        return {"key": models.UUIDField(primary_key=True, default=uuid.uuid4)}
    if kind == "text":
        return {"key": models.CharField(max_length=50, primary_key=True, default=lambda: f"it's {uuid.uuid4()}")}
    return {}


def _models(schema: Schema) -> dict[str, type[models.Model]]:
    made: dict[str, type[models.Model]] = {}
    if schema.parent:
        made["Whole"] = _model("Whole", name=models.CharField(max_length=60), shade=models.CharField(max_length=60))
    personal = {} if schema.parent else {"name": models.CharField(max_length=60)}
    itself = (
        {"sponsor": models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")} if schema.itself else {}
    )
    tag = made["Tag"] = _model("Tag", label=models.CharField(max_length=20))
    tags = {"tags": models.ManyToManyField(tag, related_name="+")} if schema.tags else {}
    subject = made[SUBJECT] = _model(
        SUBJECT,
        (made["Whole"],) if schema.parent else (models.Model,),
        **_key(schema.key),
        **personal,
        email=models.EmailField(unique=True),
        code=models.CharField(max_length=40, unique=True, db_column="select"),
        secret=models.TextField(blank=True),
        town=models.CharField(max_length=20, default="north"),
        **itself,
        **tags,
    )
    if schema.tags:
        made["Tags"] = subject.tags.through  # type: ignore[attr-defined]
    for kind in schema.kinds:
        made[kind.name] = _model(kind.name, **_kind_fields(kind, made))
    if schema.value:
        column = {
            "text": models.CharField(max_length=254, db_index=True),
            "key": _plain_key(schema.key),
            "json": models.JSONField(default=dict),
        }
        made["Value"] = _model("Value", whose=column[schema.value], text=models.CharField(max_length=60))
    if schema.generic:
        made["Generic"] = _model(
            "Generic",
            content_type=models.ForeignKey(ContentType, models.CASCADE, related_name="+"),
            object_id=models.CharField(max_length=64),
            text=models.CharField(max_length=60),
        )
    return made


def _plain_key(kind: str) -> models.Field[Any, Any]:
    if kind == "uuid":
        return models.UUIDField(db_index=True)
    return models.CharField(max_length=50, db_index=True) if kind == "text" else models.BigIntegerField(db_index=True)


def _kind_fields(kind: Kind, made: dict[str, type[models.Model]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for number, target in enumerate(kind.targets):
        by = {"to_field": "code"} if kind.by_code and target == SUBJECT else {}
        nullable = {"null": True} if number and kind.key != "pair" else {}
        fields[f"to{number}"] = models.ForeignKey(made[target], models.CASCADE, related_name="+", **by, **nullable)
    if kind.key == "pair":
        fields = {"pk": models.CompositePrimaryKey("to0", "number"), "number": models.IntegerField(), **fields}
    else:
        fields = _key(kind.key) | fields
    if kind.itself:
        fields["answers"] = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    if kind.mention:
        fields["named"] = models.ForeignKey(made[SUBJECT], models.SET_NULL, null=True, related_name="+")
        fields["remark"] = models.CharField(max_length=60, blank=True)
    column = {"db_column": kind.column} if kind.column else {}
    return fields | {
        "text": models.CharField(max_length=60, blank=True, **column),
        "size": models.IntegerField(default=1),
    }


# --- policies ---------------------------------------------------------------------------------------------------------
def _policies(schema: Schema, made: dict[str, type[models.Model]]) -> list[tuple[type[models.Model], dict[str, Any]]]:
    subject: dict[str, Any] = {
        "subject": True,
        "replace": {"name": "[deleted]", "email": RandomEmail(), "code": RandomDigits(18)},
        "clear": ("secret", *(("shade",) if schema.parent else ()), *(("sponsor",) if schema.itself else ())),
        "keep": {"town": WHY},
        "unlink": {"sponsor": ()} if schema.itself else {},
    }
    found: list[tuple[type[models.Model], dict[str, Any]]] = [(made[SUBJECT], subject)]
    paths: dict[str, tuple[str, ...]] = {SUBJECT: ("",)}
    for kind in schema.kinds:
        ways = tuple(
            f"to{number}" + (f"__{path}" if path else "")
            for number, target in enumerate(kind.targets)
            for path in paths[target]
        )
        paths[kind.name] = ways
        policy: dict[str, Any] = {"path": ways, "rows": delete_rows() if kind.fate == "delete" else keep_rows(WHY)}
        unlink = {"answers": ()} if kind.itself and kind.fate == "delete" else {}
        unlink |= {"named": ("remark",)} if kind.mention else {}
        policy |= {"unlink": unlink, "history": kind.history}
        if kind.fate == "keep":
            policy["clear"] = ("text", *(("named", "remark") if kind.mention else ()))
            kept = ("size", *(("answers",) if kind.itself else ()), *(("number",) if kind.key == "pair" else ()))
            policy["keep"] = {kept: WHY}
        found.append((made[kind.name], policy))
    if schema.tags:
        rows = delete_rows() if schema.tags == "delete" else keep_rows(WHY)
        found.append(
            (made["Tags"], {"path": "subject", "rows": rows, "keep": {"tag": WHY} if schema.tags == "keep" else {}})
        )
    if schema.value:
        way = {
            "text": by_value("whose", of="email"),
            "key": by_value("whose", of="pk"),
            "json": by_value("whose__id", of="email", fold=False),
        }
        found.append((made["Value"], {"path": way[schema.value], "rows": delete_rows()}))
    if schema.generic:
        found.append((made["Generic"], {"by_key": ("content_type", "object_id"), "rows": delete_rows()}))
    return found


# --- rows -------------------------------------------------------------------------------------------------------------
_serial = itertools.count(1)


class Rows:
    """Fills a schema's tables and knows whose each row is."""

    def __init__(self, made: Made) -> None:
        self.made = made
        self.owners: dict[tuple[str, Any], frozenset[Any]] = {}
        self.canaries: dict[str, frozenset[Any]] = {}

    def word(self, *owners: Any) -> str:
        """A value that occurs nowhere else and goes with any of these subjects."""
        value = f"zq{next(_serial):09d}x"
        self.canaries[value] = frozenset(owners)
        return value

    def subject(self, sponsor: Any = None) -> Any:
        """A subject with nothing."""
        model = self.made.models[SUBJECT]
        one = model(code=f"code{next(_serial)}")
        values = {name: f"held{next(_serial)}" for name in ("name", "secret")}
        for name, value in values.items():
            setattr(one, name, value)
        one.email = f"held{next(_serial)}@example.com"
        if self.made.schema.parent:
            one.shade = "held"
        if self.made.schema.itself and sponsor is not None:
            one.sponsor = sponsor
        one.save()
        # The key is known now, and with it whose values these are.
        one.name, one.secret, one.code = self.word(one.pk), self.word(one.pk), self.word(one.pk)
        one.email = f"{self.word(one.pk)}@Example.com"
        if self.made.schema.parent:
            one.shade = self.word(one.pk)
        one.save()
        self.owners[SUBJECT, one.pk] = frozenset({one.pk})
        return one

    def fill(self, one: Any, other: Any, count: int) -> None:
        """Rows of every kind for ``one``, some of which are tied to ``other`` too."""
        schema, made = self.made.schema, self.made.models
        mine: dict[str, list[Any]] = {SUBJECT: [one]}
        theirs: dict[str, Any] = {SUBJECT: other}
        for kind in schema.kinds:
            for number in range(count):
                row = self._row(kind, mine, theirs, one, other, shared=number % 3 == 2)
                mine.setdefault(kind.name, []).append(row)
        if schema.tags:
            one.tags.add(made["Tag"].objects.create(label="tag"))
        if schema.value:
            whose = {"text": one.email.upper(), "key": one.pk, "json": {"id": one.email}}[schema.value]
            made["Value"].objects.create(whose=whose, text=self.word(one.pk))
        if schema.generic:
            for target in (one, *mine.get("Kind0", [])[:1]):
                if len(target._meta.pk_fields) > 1:
                    continue
                kind_of_it = ContentType.objects.get_or_create(app_label="shop", model=target._meta.model_name)[0]
                owners = self.owners[type(target).__name__, target.pk]
                made["Generic"].objects.create(
                    content_type=kind_of_it, object_id=str(target.pk), text=self.word(*owners)
                )

    def _row(
        self, kind: Kind, mine: dict[str, list[Any]], theirs: dict[str, Any], one: Any, other: Any, *, shared: bool
    ) -> Any:
        values: dict[str, Any] = {}
        owners: frozenset[Any] = frozenset()
        for number, target in enumerate(kind.targets):
            row = mine[target][-1]
            if number and shared and target == SUBJECT:
                row = theirs[target]
            values[f"to{number}"] = row
            owners |= self.owners[target, row.pk]
        if kind.key == "pair":
            values["number"] = next(_serial)
        if kind.itself and mine.get(kind.name):
            values["answers"] = mine[kind.name][-1]
        if kind.mention and shared:
            # A mention goes with whom it names, and with the row.
            values["named"], values["remark"] = other, self.word(other.pk, *owners)
        row = self.made.models[kind.name].objects.create(text=self.word(*owners), **values)
        self.owners[kind.name, row.pk] = owners
        return row
