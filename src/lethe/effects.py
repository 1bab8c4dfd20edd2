"""Effects that the engine itself knows how to do."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.core.files.storage import Storage, storages

from lethe.afterwards import KIND as SEARCH
from lethe.afterwards import search_again
from lethe.cleaning import KIND as CLEAN
from lethe.cleaning import clean
from lethe.contrib.storages import purge_all
from lethe.files import KIND as DELETE_FILE
from lethe.outbox import Answer, handler


@handler(DELETE_FILE, together=1_000)
def delete_files(payloads: Sequence[dict[str, Any]], working: Callable[[], None]) -> list[Answer]:
    """Delete stored files, each with all its versions and its copies; answers with a receipt of numbers for each.

    Payload: ``{"name": key in the storage, "storage": alias, "copies": patterns, one a line}``. Gone already is done.
    """
    answers: dict[int, Answer] = {}
    by_storage: dict[str, list[int]] = defaultdict(list)
    for number, payload in enumerate(payloads):
        by_storage[payload.get("storage", "default")].append(number)
    for alias, numbers in by_storage.items():
        try:
            files = _Files(storages[alias], working)
            answers |= files.delete({number: payloads[number] for number in numbers})
        except Exception as error:
            # A storage that cannot even be made is no business of those in another.
            answers |= dict.fromkeys(numbers, error)
    return [answers[number] for number in range(len(payloads))]


class _Files:
    """Files of one storage, and the copies that were made of them."""

    def __init__(self, storage: Storage, working: Callable[[], None]) -> None:
        self.storage, self.working = storage, working
        self._folders: dict[str, list[str]] = {}

    def delete(self, payloads: dict[int, dict[str, Any]]) -> dict[int, Answer]:
        """Delete what each payload names; its number leads to the answer."""
        answers: dict[int, Answer] = {}
        copies: list[tuple[int, str]] = []
        for number, payload in payloads.items():
            try:
                copies += [(number, name) for name in dict.fromkeys(self._copies(payload))]
            except Exception as error:
                answers[number] = error
        # The copies first: as long as the file is there, a copy can be made again by whoever asks for one.
        deleted: Counter[int] = Counter()
        for (number, _), answer in zip(copies, self._purge([name for _, name in copies]), strict=True):
            if isinstance(answer, Exception):
                answers.setdefault(number, answer)
            else:
                deleted[number] += answer.get("file") == "deleted"
        files = [number for number in payloads if number not in answers]
        for number, answer in zip(files, self._purge([payloads[number]["name"] for number in files]), strict=True):
            of_copies = {"copies": deleted[number]} if payloads[number].get("copies") else {}
            answers[number] = answer if isinstance(answer, Exception) else answer | of_copies
        return answers

    def _purge(self, names: list[str]) -> list[dict[str, Any] | Exception]:
        return purge_all(self.storage, names, self.working)

    def _copies(self, payload: dict[str, Any]) -> Iterator[str]:
        key = payload["name"]
        folder, name = posixpath.split(key)
        stem, ext = posixpath.splitext(name)
        for pattern in filter(None, payload.get("copies", "").split("\n")):
            made = pattern.format(folder=folder, name=name, stem=stem, ext=ext).lstrip("/")
            if not pattern.endswith("*"):
                if made != key:
                    yield made
                continue
            within, begins = posixpath.split(made[:-1])
            yield from (posixpath.join(within, other) for other in self._there(within) if other.startswith(begins))

    def _there(self, folder: str) -> list[str]:
        """The files of a folder; listed once, however many ask."""
        if folder not in self._folders:
            self.working()
            try:
                self._folders[folder] = self.storage.listdir(folder)[1]
            except FileNotFoundError:
                self._folders[folder] = []
        return self._folders[folder]


@handler(CLEAN)
def clean_bytes(payload: dict[str, Any]) -> dict[str, Any]:
    """Rewrite the database's files, for every erasure so far (row N11). Payload: ``{"using": database alias}``."""
    return clean(payload["using"]).as_receipt()


@handler(SEARCH)
def search_residue(payload: dict[str, Any]) -> dict[str, Any]:
    """Search for what still names whoever was erased (row N1). Payload: the values, sealed, and whose run it was."""
    return search_again(payload)
