"""Suggestions in the making: which models are in reach, what becomes of their rows, and how it all agrees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.core.files.storage import storages
from django.db import models, router

from lethe.answers import pointing_anywhere
from lethe.fields import field_of
from lethe.graph import Model, all_models, concrete, parents, references, to_child
from lethe.guess import SECRET, Guess, guess, shapes, words
from lethe.limits import refused_constraints
from lethe.lookalikes import THEIRS, looks_like
from lethe.policy import ByValue
from lethe.registry import Registry
from lethe.strategies import EMPTY, RandomEmail, Replace
from lethe.suggestion import DELETE, KEEP, NOBODYS, OTHERS, SUBJECT, Suggestion, plural

#: Models whose rows say what happened, by their names.
HISTORY = re.compile(
    r"(order|invoice|payment|booking|purchase|sale|refund|transaction|ticket|visit|attendance|subscription|vote|line)s?$",
    re.IGNORECASE,
)
#: References by which a row mentions somebody and is not theirs.
MENTION = re.compile(
    r"((_|^)by$|^(assigned|assignee|approv|handle|staff|moderator|actor|refer|invite|agent|manager|editor|reviewer))"
)
#: Models that hold a person's particulars for the row that refers to them.
PARTICULARS = re.compile(r"(address|contact|recipient|profile|person)$", re.IGNORECASE)

#: What a name becomes.
DELETED = "[deleted]"
ANY_ROW = "They can be about any row, the person's too."


class Draft:
    """Suggestions in the making."""

    def __init__(self, source: Registry, roots: list[Model], sample: bool, left_out: set[Model]) -> None:
        self.source, self.roots, self.sample, self.left_out = source, roots, sample, left_out
        self.made: dict[Model, Suggestion] = {}
        self.known = all_models()
        self.anywhere = dict(pointing_anywhere((), roots[0]._meta.apps))
        #: Tables whose columns are answered for where the rest of their rows is.
        stay = [policy.model for policy in source if policy.rows is not None and policy.rows.fate == "keep"]
        self.whole = {parent for model in (*roots, *stay) for parent in parents(model)}

    # --- finding them -------------------------------------------------------------------------------------------------
    def follow(self) -> None:
        """Take up every model in reach, nearest first: those that refer to rows in reach, and those that hold a part
        of them, can point at anything, or seem to know a subject by a value."""
        for root in self.roots:
            if root not in self.source:
                self._add(Suggestion(root, SUBJECT, "The record stays, the person does not."))
        found: list[Suggestion] | None = None
        while found is None or found:
            referring = [one for model in self.known if self._is_new(model) and (one := self._by_reference(model))]
            # Who only mentions somebody may turn out to be theirs once more is known.
            found = [one for one in referring if one.kind != OTHERS]
            found = found or list(self._beside())
            found = found or list(self._by_look({one.model for one in referring}))
            found = found or referring
            for one in found:
                self._add(one)

    def _is_new(self, model: Model) -> bool:
        return (
            model not in self.made
            and model not in self.source
            and model not in self.left_out
            and model not in self.roots
            and model not in self.whole
            and model._meta.app_label not in THEIRS
        )

    def _add(self, one: Suggestion) -> None:
        self.made.setdefault(one.model, one)
        for column in one.model._meta.concrete_fields if one.kind in {DELETE, SUBJECT, KEEP} else ():
            if (
                isinstance(column, models.FileField)
                and column.model is one.model
                and (column.name, "") not in one.files
            ):
                one.files.append((column.name, _alias(column)))

    def _by_reference(self, model: Model) -> Suggestion | None:
        keys = [(key, ways) for key in references(model) if (ways := self._ways(key))]
        if not keys:
            return None
        own = [(key, ways) for key, ways in keys if not self._mentions(key)]
        if any(not key.null for key, _ in own):
            # Whose the row is, is said by a key that is never empty; the others mention somebody.
            own = [(key, ways) for key, ways in own if not key.null or not _emptied(key)]
        label = plural(model)
        if model in self.anywhere:
            paths = list(dict.fromkeys(way for key, ways in own for way in ways if not key.null))
            return self._about_anything(model, paths)
        if (not own and HISTORY.search(model.__name__)) or any(self._is_person(key) and key.null for key, _ in own):
            # A row without the reference, such as a guest's, may know the person by an address.
            values: list[str | ByValue] = [way for way in self._values(model) if way.of != "pk"]
            keys += [(keys[0][0], values)] if values else []
            own += [(keys[0][0], values)] if values else []
        if not own:
            if all(key.null for key, _ in keys):
                names = [key.name for key, _ in keys if self._is_person(key)]
                if not names:
                    return None
                return Suggestion(model, OTHERS, f"{label} mention the person and are not theirs.", unlink=names)
            own = keys
            kept = f"{label} are somebody's work, which stays."
        else:
            kept = self._stays(model, own)
        paths = list(dict.fromkeys(way for _, ways in own for way in ways))
        if kept:
            return Suggestion(model, KEEP, kept, paths=paths)
        why = "who is tied to whom" if model._meta.auto_created else f"{label} are the person's own"
        return Suggestion(model, DELETE, f"{why[0].upper()}{why[1:]}, and nothing adds up by them.", paths=paths)

    def _stays(self, model: Model, keys: list[tuple[Any, list[str | ByValue]]]) -> str:
        """Why the rows stay; empty where they go."""
        label = plural(model)
        above = [key for key, _ in keys if getattr(key.remote_field, "parent_link", False)]
        if above and not any(self._fate(key) == DELETE for key in above):
            return f"{label} are a part of a row that stays."
        if any(self._fate(key) == DELETE and not key.null for key, _ in keys):
            return ""
        below = [other for other in self.known if model in parents(other)]
        if any(HISTORY.search(one.__name__) for one in (model, *below)) and not model._meta.auto_created:
            return f"{label} say what happened, by their name."
        if any(isinstance(column, models.DecimalField) for column in model._meta.local_concrete_fields):
            return f"{label} hold amounts, which have to add up."
        protecting = [
            other
            for other in self.known
            for key in references(other)
            if concrete(key.related_model) is model and key.remote_field.on_delete in {models.PROTECT, models.RESTRICT}
        ]
        if protecting:
            return f"{label} are protected by {plural(protecting[0])}."
        return ""

    def _beside(self) -> Iterator[Suggestion]:
        """Tables that hold a part of a row that goes, and particulars that a kept row refers to."""
        for one in [*self.made.values(), *filter(None, map(self._policy, self.source_models()))]:
            if one.kind == DELETE:
                for parent in parents(one.model):
                    if self._is_new(parent):
                        ways = [_onward(to_child(parent, one.model), path) for path in one.paths]
                        yield Suggestion(parent, DELETE, f"They hold a part of {plural(one.model)}.", paths=ways)
            for key in self._keys(one) if one.kind in {SUBJECT, KEEP} else ():
                target = concrete(key.related_model)
                # A subject's account, or the address that an order was sent to: nobody else refers to it.
                theirs = key.one_to_one if one.kind == SUBJECT else PARTICULARS.search(target.__name__)
                if theirs and self._is_new(target) and not key.remote_field.hidden:
                    back = key.related_query_name()
                    ways = [back] if one.kind == SUBJECT else [_onward(back, path) for path in one.paths]
                    # Only where no other row can name them too may they go: the reference is emptied with its row.
                    kind = DELETE if key.null and key.one_to_one else KEEP
                    yield Suggestion(target, kind, f"{plural(one.model)} name somebody by them.", paths=ways)

    def _by_look(self, but: set[Model]) -> Iterator[Suggestion]:
        """What can point at anything, and what seems to know a subject by a value, ``but`` what mentions one."""
        for model in self.anywhere:
            if self._is_new(model):
                yield self._about_anything(model, [])
        for model in self.known:
            if model in but or not self._is_new(model) or any(model in parents(other) for other in self.made):
                continue
            ways = self._values(model)
            if not ways:
                continue
            if HISTORY.search(model.__name__):
                why = f"{plural(model)} say what happened, by their name, and know the person by a value."
                yield Suggestion(model, KEEP, why, paths=list(ways))
            elif self._is_referred_to(model):
                why = f"{plural(model)} are set up by the project, and describe nobody"
                yield Suggestion(model, NOBODYS, why)
            else:
                yield Suggestion(model, DELETE, f"{plural(model)} know the person by a value.", paths=list(ways))

    def _values(self, model: Model) -> list[ByValue]:
        """The columns that seem to know a subject by a value."""
        return [
            ByValue(column.name, of[1], of[0]._meta.label if len(self.roots) > 1 else "")
            for column in model._meta.local_concrete_fields
            if (of := looks_like(column, self.roots)) is not None
        ]

    def _is_referred_to(self, model: Model) -> bool:
        return any(concrete(key.related_model) is model for other in self.known for key in references(other))

    def _about_anything(self, model: Model, paths: list[str | ByValue]) -> Suggestion:
        if self._is_referred_to(model):
            return Suggestion(model, NOBODYS, f"{plural(model)} are about what the project offers, and about nobody")
        return Suggestion(model, DELETE, ANY_ROW, paths=paths, by_key=self.anywhere[model])

    # --- what stands already ------------------------------------------------------------------------------------------
    def source_models(self) -> list[Model]:
        """The models that have a policy."""
        return [concrete(policy.model) for policy in self.source]

    def _policy(self, model: Model) -> Suggestion | None:
        """What is suggested for a model, or what its policy says, in the same form."""
        if model in self.made:
            return self.made[model]
        policy = self.source.get(model)
        if policy is None:
            return None
        kind = SUBJECT if policy.subject else (policy.rows.fate if policy.rows else OTHERS)
        return Suggestion(model, kind, "", paths=list(policy.all_paths()), by_key=policy.by_key)

    def _fate(self, key: models.ForeignObject[Any, Any]) -> str:
        found = self._policy(concrete(key.related_model))
        return found.kind if found else ""

    def _ways(self, key: models.ForeignObject[Any, Any]) -> list[str | ByValue]:
        """The ways to a subject that begin with a foreign key."""
        target = concrete(key.related_model)
        if target in self.roots:
            return [key.name]
        below = [root for root in self.roots if target in parents(root)]
        if below:
            return [f"{key.name}__{to_child(target, below[0])}"]
        found = self._policy(target)
        if found is None or found.kind not in {DELETE, KEEP}:
            return []
        return [_onward(key.name, path) for path in found.paths]

    def _is_person(self, key: models.ForeignObject[Any, Any]) -> bool:
        target = concrete(key.related_model)
        return target in self.roots or any(target in parents(root) for root in self.roots)

    def _mentions(self, key: models.ForeignObject[Any, Any]) -> bool:
        if key.model._meta.auto_created:
            return False
        return bool(MENTION.search(key.name)) or (_emptied(key) and not self._owns(key))

    def _owns(self, key: models.ForeignObject[Any, Any]) -> bool:
        """A reference that is emptied when its target goes may still say whose the row is: an order's customer."""
        return self._is_person(key) and bool(HISTORY.search(key.model.__name__) or key.one_to_one)

    # --- making them agree --------------------------------------------------------------------------------------------
    def agree(self) -> None:
        """Settle what two suggestions say of one reference, then answer for every field of what stays."""
        changed = True
        while changed:
            settled = [self._settle(one) for one in list(self.made.values()) if one.kind != OTHERS]
            changed = any(settled)
        for one in self.made.values():
            if one.kind in {SUBJECT, KEEP}:
                self._answer(one)
            one.files = [(name, alias) for name, alias in one.files if one.kind == DELETE or self._goes(one, name)]
            if one.kind in {SUBJECT, DELETE, KEEP}:
                one.secrets = [c.name for c in one.model._meta.local_concrete_fields if _is_secret(c)]

    def _settle(self, one: Suggestion) -> bool:
        """Give each reference of a row into what goes an answer; whether anything changed."""
        before = (one.kind, list(one.paths), list(one.unlink))
        if one.kind in {DELETE, KEEP} and not one.by_key:
            self._go_on(one)
        first = {path.split("__")[0] for path in one.paths if isinstance(path, str)}
        for key in self._keys(one) if one.kind in {DELETE, KEEP, SUBJECT} else ():
            if getattr(key.remote_field, "parent_link", False) or key.name in one.unlink:
                continue
            target = concrete(key.related_model)
            person, fate = self._is_person(key), self._fate(key)
            if person and key.name not in first:
                self._untie(one, key, [key.name])
            elif not person and fate == DELETE and not self._comes_back(key):
                missing = [way for way in self._ways(key) if way not in one.paths]
                if one.kind == DELETE and not missing and target is not one.model and not self._generic(target):
                    continue
                if one.kind == DELETE and target is not one.model and not key.null and not self._generic(target):
                    one.paths += missing
                elif key.null:
                    one.unlink.append(key.name)
                elif one.kind == KEEP and target in self.made:
                    self.made[target].kind = KEEP
                    self.made[target].why = f"{plural(one.model)} stay, and refer to them."
        return before != (one.kind, one.paths, one.unlink)

    def _keys(self, one: Suggestion) -> Iterator[models.ForeignObject[Any, Any]]:
        """The references of a row, those in the tables of its parents too where it stays."""
        yield from references(one.model)
        for parent in parents(one.model) if one.kind in {SUBJECT, KEEP} else ():
            if self._policy(parent) is None:
                yield from references(parent)

    def _go_on(self, one: Suggestion) -> None:
        """Rows that say themselves whose they are, are theirs; others belong to whoever has what they refer to."""
        keys = [key for key in references(one.model) if not self._mentions(key)]
        if any(self._is_person(key) and not key.null for key in keys):
            return
        for key in keys:
            if not key.null and not self._is_person(key) and self._fate(key) == KEEP:
                one.paths += [way for way in self._ways(key) if way not in one.paths]

    def _comes_back(self, key: models.ForeignObject[Any, Any]) -> bool:
        """Whether what ``key`` refers to is found by this very key, from the other end."""
        found = self.made.get(concrete(key.related_model))
        back = "" if key.remote_field.hidden else key.related_query_name()
        return found is not None and any(str(path).split("__")[0] == back for path in found.paths)

    def _generic(self, target: Model) -> bool:
        found = self._policy(target)
        return bool(found and found.by_key)

    def _untie(self, one: Suggestion, key: models.ForeignObject[Any, Any], ways: list[str | ByValue]) -> None:
        if key.null:
            one.unlink.append(key.name)
        elif one.kind == DELETE:
            one.paths += [way for way in ways if way not in one.paths]

    def _answer(self, one: Suggestion) -> None:
        seen = shapes(one.model, router.db_for_read(one.model)) if self.sample else {}
        found = {path.split("__")[0] for path in one.paths if isinstance(path, str)} | set(one.by_key or ())
        found |= {way.field for way in one.paths if isinstance(way, ByValue) and (way.keys or way.of == "pk")}
        counted = f"{plural(one.model)} are counted by it"
        for column in one.model._meta.concrete_fields:
            above = concrete(column.model) is not one.model and self._policy(concrete(column.model)) is not None
            skipped = column.primary_key or getattr(column, "generated", False) or above or column.name in found
            if skipped or getattr(column.remote_field, "parent_link", False):
                continue
            reference = column if isinstance(column, models.ForeignObject) and column.null else None
            gone = reference is not None and self._fate(reference) == DELETE and self._comes_back(reference)
            if column.name in one.unlink or gone:
                one.fields[column.name] = Guess("clear", "it names somebody, or a row that goes", EMPTY)
            else:
                made = guess(column, seen, counted=counted)
                one.fields[column.name] = _own(column, made) if one.kind == SUBJECT else made
        self._keep_apart(one)

    def _keep_apart(self, one: Suggestion) -> None:
        """What a constraint over several columns would refuse gets a value of its own, or stays for a person."""
        if not list(refused_constraints(one.policy())):
            return
        for name, made in one.fields.items():
            column = field_of(one.model, name)
            if made.action != "clear" or column.null:
                continue
            random = RandomEmail()
            if random.problem(column) is None and _constrained(one.model, name):
                one.fields[name] = replace(made, action="replace", strategy=random, source="RandomEmail()")

    def _goes(self, one: Suggestion, name: str) -> bool:
        return name in one.fields and one.fields[name].action == "clear"


def _emptied(key: models.ForeignObject[Any, Any]) -> bool:
    """Whether a reference is emptied when its target goes."""
    return key.null and key.remote_field.on_delete in {models.SET_NULL, models.DO_NOTHING}


def _constrained(model: Model, name: str) -> bool:
    sets = [set(together) for together in model._meta.unique_together]
    sets += [set(c.fields) for c in model._meta.constraints if isinstance(c, models.UniqueConstraint)]
    return any(name in one for one in sets)


def _own(column: models.Field[Any, Any], made: Guess) -> Guess:
    """The person's own name and address: two who were erased are told apart by nothing but a random address."""
    if isinstance(column, models.EmailField) and RandomEmail().problem(column) is None:
        return Guess("replace", "an e-mail address; a random one stays unique", RandomEmail(), "RandomEmail()")
    if column.name in {"is_active", "is_staff", "is_superuser"}:
        return Guess("replace", "nobody signs in with it any more", Replace(False), "False")
    if column.name in {"name", "full_name", "first_name"} and Replace(DELETED).problem(column) is None:
        return Guess("replace", "a name; it says that somebody was here", Replace(DELETED), f'"{DELETED}"')
    return made


def _onward(first: str, path: str | ByValue) -> str | ByValue:
    return f"{first}__{path}" if isinstance(path, str) else path.after(first)


def _alias(column: models.FileField) -> str:
    """The name of the storage that holds a column's files."""
    known = [alias for alias in storages.backends if alias != "staticfiles"]
    return next((alias for alias in known if storages[alias] == column.storage), "default")


def _is_secret(column: models.Field[Any, Any]) -> bool:
    text = isinstance(column, models.CharField | models.TextField) and not column.is_relation
    return text and bool(words(column.name) & (SECRET - {"key"} | {"password"}))
