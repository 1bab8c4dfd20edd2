"""What types cannot say: which field a form has, and that nothing of the stubs is needed at run time."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django import forms

from clubhouse.clients.models import Client
from clubhouse.typed import ModelChoiceField, ModelForm, field_of

SOURCE = Path(__file__).parents[2] / "src"


class AskingForm(forms.Form):
    """A choice and a text."""

    colour = forms.ChoiceField(choices=[("red", "Red")])
    name = forms.CharField()


def test_what_is_extended_is_djangos_own() -> None:
    assert ModelForm[Client] is forms.ModelForm
    assert ModelChoiceField[Client] is forms.ModelChoiceField


def test_a_field_of_another_kind_is_refused() -> None:
    form = AskingForm()
    assert field_of(form, "colour", forms.ChoiceField) is form.fields["colour"]
    with pytest.raises(TypeError, match=r"AskingForm\.name is no ChoiceField"):
        field_of(form, "name", forms.ChoiceField)


def _imported(node: ast.AST) -> Iterator[str]:
    """What is imported at run time: what stands under ``TYPE_CHECKING`` is not."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        for other in node.orelse:
            yield from _imported(other)
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield node.module or ""
    for child in ast.iter_child_nodes(node):
        yield from _imported(child)


def test_no_stubs_are_imported_at_run_time() -> None:
    files = list(SOURCE.rglob("*.py"))
    assert sum("django_stubs_ext" in file.read_text() for file in files) > 5
    for file in files:
        assert "django_stubs_ext" not in set(_imported(ast.parse(file.read_text()))), file
