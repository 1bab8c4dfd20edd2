"""What Django knows at run time and its types cannot say by themselves: of what a form is, and which field it has.

Django 5.2 lets nobody write ``ModelForm[Club]`` outside of an annotation. The two names here may be written so, to be
extended; what is extended then is Django's own class, which is also the one to ask for elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django import forms

__all__ = ["ModelChoiceField", "ModelForm", "field_of"]

_Field = TypeVar("_Field", bound=forms.Field)

if TYPE_CHECKING:
    from django.forms import ModelChoiceField, ModelForm
else:

    class _Generic:
        """A class of Django's that may be said to be of something."""

        def __init__(self, own: type) -> None:
            self.own = own

        def __getitem__(self, of: Any) -> type:
            return self.own

    ModelForm = _Generic(forms.ModelForm)
    ModelChoiceField = _Generic(forms.ModelChoiceField)


def field_of(form: forms.BaseForm, name: str, kind: type[_Field]) -> _Field:
    """A form's field that is of this kind. Raises ``KeyError`` where there is none, ``TypeError`` for another kind."""
    found = form.fields[name]
    if not isinstance(found, kind):
        raise TypeError(f"{type(form).__name__}.{name} is no {kind.__name__}.")
    return found
