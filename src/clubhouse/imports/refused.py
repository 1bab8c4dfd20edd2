"""Refused: the rows that were not taken → files of the same names and form, to be mended and imported again.

The files are made ready before the transaction ends and take their places after it, so that no row is ever in neither.
They hold personal data: nobody but their owner can read them, and what is imported from them goes from them.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from clubhouse.imports import layout as files
from clubhouse.imports.errors import RefusedFileChanged, RefusedIsTheBundle, RefusedUnwritable
from clubhouse.imports.photos import FOLDER, Named, Taken, is_file_name
from clubhouse.imports.read import Bundle, Table
from clubhouse.imports.resolve import Resolved

# What this command wrote: path in the folder to digest. It tells work that was done since from what may be replaced.
_WRITTEN = ".written.json"
_NEW = ".new"


class RefusedFolder:
    """The folder of one business's refused rows, during the import of ``bundle``; it may be the bundle."""

    def __init__(self, folder: Path, bundle: Bundle) -> None:
        self.folder, self.bundle = folder, bundle
        self.is_source = folder.resolve() == bundle.folder.resolve()
        self.written = self._read_written()
        self.ready: dict[str, str] = {}

    def check(self) -> None:
        """Raise where writing would lose the bundle, or a file that was worked on and is not being imported."""
        if self.is_source:
            if not (self.folder / _WRITTEN).exists():
                raise RefusedIsTheBundle(self.folder)
            return
        for layout in files.FILES:
            path = self.folder / layout.name
            if path.exists() and _digest(path) != self.written.get(layout.name):
                raise RefusedFileChanged(path)

    def prepare(self, resolved: Mapping[str, Resolved], taken: Taken) -> None:
        """Write what was refused beside its future places."""
        try:
            pictures = self._prepare_rows(resolved, taken)
            for photo in pictures if not self.is_source else ():
                if content := _picture(self.bundle.folder / FOLDER / photo):
                    self._make_ready(f"{FOLDER}/{photo}", content)
        except OSError as error:
            self.discard()
            raise RefusedUnwritable(self.folder, error.strerror or "unknown reason") from None
        self.needed = pictures

    def publish(self, taken: Taken) -> None:
        """Put the files in their places, and take away what has been imported since."""
        try:
            for name in self.ready:
                os.replace(self.folder / (name + _NEW), self.folder / name)
            done = {name for name in self.written if name not in self.ready}
            if self.is_source:
                done |= set(self.bundle.tables) - set(self.ready)
                done |= {f"{FOLDER}/{picture.photo}" for picture in taken.accepted}
            for name in done - {f"{FOLDER}/{photo}" for photo in self.needed}:
                (self.folder / name).unlink(missing_ok=True)
            kept = {name: digest for name, digest in self.written.items() if name not in done}
            self._finish({**kept, **self.ready})
        except OSError as error:
            raise RefusedUnwritable(self.folder, error.strerror or "unknown reason") from None

    def discard(self) -> None:
        """Take away what was made ready: the import failed."""
        for name in self.ready:
            (self.folder / (name + _NEW)).unlink(missing_ok=True)

    def _prepare_rows(self, resolved: Mapping[str, Resolved], taken: Taken) -> set[str]:
        """Make the files of rows ready; gives the names of the pictures that these rows name."""
        pictures: set[str] = set()
        from_clients = [picture for picture in taken.refused if picture.file == files.CLIENTS]
        for name, table in self.bundle.tables.items():
            lines = {refusal.line for refusal in resolved[name].refusals}
            lines |= {picture.line for picture in taken.refused if picture.file == name == files.PHOTOS}
            if lines:
                pictures |= _pictures(table, lines)
            if name == files.PHOTOS and from_clients:
                continue
            if lines:
                self._make_ready(name, _rows(table, lines).encode(table.encoding), bom=table.bom)
        if from_clients:
            own = self.bundle.tables.get(files.PHOTOS)
            lines = {refusal.line for refusal in resolved[files.PHOTOS].refusals} if own else set()
            lines |= {picture.line for picture in taken.refused if picture.file == files.PHOTOS}
            self._make_ready(files.PHOTOS, _photos(own, lines, from_clients).encode())
        return pictures | {picture.photo for picture in taken.refused if is_file_name(picture.photo)}

    def _make_ready(self, name: str, content: bytes, *, bom: bool = False) -> None:
        path = self.folder / (name + _NEW)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = codecs.BOM_UTF8 + content if bom else content
        self.ready[name] = hashlib.sha256(content).hexdigest()
        _write(path, content)

    def _read_written(self) -> dict[str, str]:
        try:
            return dict(json.loads((self.folder / _WRITTEN).read_text()))
        except (OSError, ValueError):
            return {}

    def _finish(self, written: Mapping[str, str]) -> None:
        path = self.folder / _WRITTEN
        if written:
            _write(path, json.dumps(written, indent=1).encode())
            return
        path.unlink(missing_ok=True)
        for folder in (self.folder / FOLDER, self.folder):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _rows(table: Table, lines: set[int]) -> str:
    """The header and the rows on ``lines``, as they stand in the file."""
    end = "\r\n" if table.header.endswith("\r\n") else "\n"
    texts = [table.header, *(row.text for row in table.rows if row.line in lines)]
    return "".join(text if text.endswith(("\n", "\r")) else text + end for text in texts)


def _photos(own: Table | None, lines: set[int], pictures: Sequence[Named]) -> str:
    """The refused rows of photos.csv, and one for each refused picture that clients.csv names."""
    columns = own.columns if own else tuple(files.PHOTO_COLUMNS)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    if own:
        text.write(_rows(own, lines))
    else:
        writer.writerow(columns)
    for picture in pictures:
        cells = {"client_id": picture.client, "photo": picture.photo}
        writer.writerow([cells.get(column, "") for column in columns])
    return text.getvalue()


def _pictures(table: Table, lines: set[int]) -> set[str]:
    """The pictures that the rows on ``lines`` name."""
    if "photo" not in table.columns:
        return set()
    place = table.columns.index("photo")
    photos = (row.cells[place].strip() for row in table.rows if row.line in lines and row.cells)
    return {photo for photo in photos if is_file_name(photo)}


def _picture(path: Path) -> bytes:
    """The content of a file that a row names, or nothing where there is no such file."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        os.fsync(file.fileno())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
