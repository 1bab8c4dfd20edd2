"""What can be wrong with a bundle as a whole. The message names the thing and the cure, and holds no personal data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class ImportFailed(Exception):
    """The bundle cannot be taken at all; nothing was written."""


class FolderMissing(ImportFailed):
    """The folder is not there, or is not a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"There is no folder {folder}. Give the folder that holds the club's CSV files.")


class NotABundle(ImportFailed):
    """The folder holds none of the expected files."""

    def __init__(self, folder: Path, expected: Sequence[str]) -> None:
        super().__init__(
            f"{folder} holds none of a club's files. Give the folder with one or more of: {', '.join(expected)}."
        )


class FileUnreadable(ImportFailed):
    """A file is there and cannot be read."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} cannot be read ({why}). Make it readable and start again.")


class WrongEncoding(ImportFailed):
    """A file is not in the encoding it is read in."""

    def __init__(self, name: str, offset: int, encoding: str) -> None:
        super().__init__(
            f"{name} is not {encoding} text: the byte at offset {offset} does not fit. "
            "Save it as UTF-8, or name its encoding, for example --encoding cp1252."
        )


class UnknownEncoding(ImportFailed):
    """``--encoding`` names no text encoding, or one in which commas and line ends are not single bytes."""

    def __init__(self, encoding: str) -> None:
        super().__init__(f"The encoding {encoding!r} cannot be used. Name one such as utf-8, cp1252 or iso-8859-2.")


class NoHeader(ImportFailed):
    """A file is empty."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is empty: not even the line of column names is there. Restore it or take it away.")


class ColumnsMissing(ImportFailed):
    """The first line of a file lacks columns."""

    def __init__(self, name: str, missing: Sequence[str], *, semicolons: bool) -> None:
        cure = "Save it with commas instead of semicolons." if semicolons else "Export it again with these columns."
        super().__init__(f"{name} lacks the columns: {', '.join(missing)}. {cure}")


class ColumnTwice(ImportFailed):
    """The first line of a file names a column twice, so that it is not clear which of them is meant."""

    def __init__(self, name: str, column: str) -> None:
        super().__init__(f"{name} has the column {column} twice. Remove or rename one of them.")


class BusinessNameUnusable(ImportFailed):
    """The name cannot be that of a business."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The business cannot have this name: {why}. Choose another with --business.")


class BusinessMissing(ImportFailed):
    """There is no such business, and without clubs none can be made."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no business called {name}, and the bundle has no clubs.csv to make it from. "
            "Correct --business, or add clubs.csv."
        )


class RefusedFileChanged(ImportFailed):
    """A file of refused rows was worked on and has not been imported since; writing it anew would lose that work."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} was changed since it was written. Import the folder {path.parent} first, or move the file away; "
            "or name another folder with --refused."
        )


class RefusedIsTheBundle(ImportFailed):
    """The refused rows would take the place of the very files they are read from."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is the bundle itself; its files would be replaced. Name another with --refused.")


class RefusedUnwritable(ImportFailed):
    """The folder of refused rows cannot be written."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"The refused rows cannot be written to {folder} ({why}). Name another folder with --refused.")


class DatabaseRefused(ImportFailed):
    """The database refused the bundle: its tables are missing, or somebody changed the same records at that moment."""

    def __init__(self, cause: str) -> None:
        super().__init__(
            f"The database refused the bundle ({cause}); nothing was written. Start the import again; if it is refused "
            "again, check that the database can be reached and is up to date (bin/manage migrate)."
        )
