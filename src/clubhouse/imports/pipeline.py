"""The order of an import: read, clean, look up what exists, resolve, load, take the pictures, report.

The bundle is one transaction: after a crash either all of it is there or none. That holds SQLite's write lock for the
seconds an import lasts, which a club does once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils.text import slugify

from clubhouse.accounts.models import Business
from clubhouse.imports import errors, photos
from clubhouse.imports import layout as files
from clubhouse.imports.clean import Cleaned, clean_bundle
from clubhouse.imports.existing import read_existing
from clubhouse.imports.load import load
from clubhouse.imports.read import read_bundle
from clubhouse.imports.refused import RefusedFolder
from clubhouse.imports.report import Report, make_report
from clubhouse.imports.resolve import resolve
from clubhouse.member.services import make_default_build

Step = Callable[[str, int], Callable[[int], None]]


def no_progress(label: str, total: int) -> Callable[[int], None]:
    """Shows nothing."""
    return lambda done: None


def import_bundle(
    folder: Path, business_name: str, *, refused: Path | None = None, encoding: str = "", step: Step = no_progress
) -> Report:
    """Take the bundle in ``folder`` into the business called ``business_name``, making it where there is none.

    ``refused``: where refused rows go, by default a folder of the business in the data folder. ``step`` is called with
    a label and a total, and gives what is told of the progress. Raises an
    :class:`~clubhouse.imports.errors.ImportFailed` where the bundle as a whole cannot be taken; then nothing was
    written. Source row: issue 2, "The club's data".
    """
    bundle = read_bundle(folder, encoding=encoding)
    cleaned = clean_bundle(bundle)
    try:
        business = _find_business(business_name) or _new_business(business_name, cleaned)
        created = business.pk is None
        where = refused or settings.DATA_DIR / "refused" / business.slug
        waiting = RefusedFolder(where, bundle)
        waiting.check()
        with photos.storing() as stored:
            try:
                with transaction.atomic():
                    if created:
                        business.save(force_insert=True)
                        make_default_build(business)
                    # Two imports into one business follow each other: what the second finds is what the first wrote.
                    business = Business.objects.select_for_update().get(pk=business.pk)
                    known = read_existing(business, cleaned)
                    resolved = resolve(cleaned, known)
                    rows = sum(len(file.new) for name, file in resolved.items() if name != files.PHOTOS)
                    clients = load(business, resolved, known, step("Writing rows", rows))
                    pictures = photos.named(resolved)
                    advance = step("Taking pictures", len(pictures))
                    taken = photos.take(pictures, folder, clients, known, stored, advance)
                    waiting.prepare(resolved, taken)
            except BaseException:
                waiting.discard()
                raise
    except DatabaseError as error:
        raise errors.DatabaseRefused(_cause(error)) from None
    waiting.publish(taken)
    return make_report(bundle, resolved, taken, business=business.name, created=created, refused_folder=where)


def _find_business(name: str) -> Business | None:
    """The business of this name, whatever its case, or of this slug."""
    named = Business.objects.filter(name__iexact=name.strip())[:2]
    if len(named) > 1:
        exact = [business for business in named if business.name == name.strip()]
        if not exact:
            raise errors.BusinessNameUnusable("there are several that differ only in upper and lower case")
        return exact[0]
    return named[0] if named else Business.objects.filter(slug=name.strip()).first()


def _new_business(name: str, cleaned: Mapping[str, Cleaned]) -> Business:
    """A business, not yet saved, with its clubs' time zone and its most used currency."""
    name = name.strip()
    if not name or len(name) > 120 or not name.isprintable():
        raise errors.BusinessNameUnusable("it must be 1 to 120 characters that can be printed")
    slug = slugify(name)[:60].strip("-_")
    if not slug:
        raise errors.BusinessNameUnusable(
            "its address is made of it, for which it needs a letter or digit of a to z, 0 to 9"
        )
    if Business.objects.filter(slug=slug).exists():
        raise errors.BusinessNameUnusable(f"another business has the address {slug!r} that it would get")
    if files.CLUBS not in cleaned:
        raise errors.BusinessMissing(name)
    business = Business(name=name, slug=slug)
    clubs = cleaned[files.CLUBS].rows
    sales = (row for file in (files.PAYMENTS, files.MEMBERSHIPS) if file in cleaned for row in cleaned[file].rows)
    business.timezone = _most_common(Counter(row["timezone"] for row in clubs), business.timezone)
    business.currency = _most_common(Counter(row["currency"] for row in sales), business.currency)
    return business


def _most_common(counter: Counter[str], default: str) -> str:
    return counter.most_common(1)[0][0] if counter else default


def _cause(error: DatabaseError) -> str:
    """What kind of thing the database refused. Its own words are left out: PostgreSQL's name the values."""
    diagnosis = getattr(error.__cause__, "diag", None)
    kind = type(error).__name__
    named = getattr(diagnosis, "constraint_name", None) or getattr(diagnosis, "sqlstate", None)
    return f"{kind}, {named}" if named else kind
