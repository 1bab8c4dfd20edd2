"""What Django knows at run time and its types cannot say by themselves: of what a form is, and which field it has.

Django 5.2 lets nobody write ``ModelForm[Club]`` outside of an annotation; the two classes here may be written so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django import forms

__all__ = ["ModelChoiceField", "ModelForm", "field_of"]

_Field = TypeVar("_Field", bound=forms.Field)

if TYPE_CHECKING:
    from django.forms import ModelChoiceField, ModelForm
else:

    class ModelForm(forms.ModelForm):
        """Django's own, of a model: ``class ClubForm(ModelForm[Club])``."""

        def __class_getitem__(cls, of: Any) -> type:
            return cls

    class ModelChoiceField(forms.ModelChoiceField):
        """Django's own, of a model: ``class ClubChoice(ModelChoiceField[Club])``."""

        def __class_getitem__(cls, of: Any) -> type:
            return cls


def field_of(form: forms.BaseForm, name: str, kind: type[_Field]) -> _Field:
    """A form's field that is of this kind. Raises ``KeyError`` where there is none, ``TypeError`` for another kind."""
    found = form.fields[name]
    if not isinstance(found, kind):
        raise TypeError(f"{type(form).__name__}.{name} is no {kind.__name__}.")
    return found
