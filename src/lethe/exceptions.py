"""One exception per cause. Each docstring states the cause and the cure, and is the message where none is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class LetheError(Exception):
    """Something kept lethe from doing what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " "))


class PolicyError(LetheError):
    """A policy cannot be compiled. Run ``manage.py check``, which names the line to mend."""


class NotRegistered(LetheError):
    """This model is not a subject. Register a policy with ``subject = True`` for it in an ``erasure.py``."""


class GateClosed(LetheError):
    """The declaration has gaps, so nothing is erased. Run ``manage.py check`` and answer what it lists."""


class SubjectNotFound(LetheError):
    """No such subject. Check the key; nothing was changed."""


class Blocked(LetheError):
    """Something must be settled before this subject can be erased; nothing was changed.

    ``findings`` lists every :class:`lethe.preview.Finding` that stands in the way.
    """

    def __init__(self, findings: Iterable[Any]) -> None:
        self.findings = tuple(findings)
        super().__init__("Settle first: " + "; ".join(f"{f.label} ({f.count})" for f in self.findings) + ".")


class Changed(LetheError):
    """What was previewed has changed, so nothing was erased. Look at the new preview and confirm again.

    ``differences`` maps a step's name to (previewed, found) counts.
    """

    def __init__(self, differences: Mapping[str, tuple[int, int]]) -> None:
        self.differences = dict(differences)
        said = "; ".join(f"{name}: {old} then, {new} now" for name, (old, new) in self.differences.items())
        super().__init__(f"Changed since the preview, so nothing was erased: {said}. Look again and confirm.")


class TryAgain(LetheError):
    """Something outside is just busy with this subject, so nothing was changed. Try again in a minute.

    An action, or ``Policy.receipted``, raises it for what is over in a moment and cannot be waited for inside a
    transaction. The batch is rolled back and tried again for some seconds before the caller hears of it.
    """


class LeftOver(LetheError):
    """Values that the plan covers were still there before commit, so everything was rolled back.

    ``places`` maps a step's name to the number of rows. It means a trigger or a default of the database writes them
    anew: look at the tables named.
    """

    def __init__(self, places: Mapping[str, int]) -> None:
        self.places = dict(places)
        said = "; ".join(f"{name}: {count}" for name, count in self.places.items())
        super().__init__(f"Rolled back, because values were still there before commit: {said}.")


class ReasonNamesSubject(LetheError):
    """The reason names the person who is to be forgotten, and reasons are kept. Leave out name, address and number."""


class ExtraMissing(LetheError):
    """A package that this needs is not installed. Install lethe with the extra that brings it."""

    def __init__(self, extra: str, what: str) -> None:
        super().__init__(f"{what} needs a package that is not installed: pip install 'lethe[{extra}]'.")


class StoreNotSearched(LetheError):
    """The file store cannot list its files, so it was not searched. Give its storage class a ``listdir``."""


class Sealed(LetheError):
    """This record is erased and read-only: no personal data can be put on it again."""
