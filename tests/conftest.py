"""Fixtures every test may use. What they make is in ``tests/support``.

Nothing of the product is imported up here, so that the engine's tests run where the application is not installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

ENGINE, ENGINE_SETTINGS = Path(__file__).parent / "lethe", "tests.lethe.settings"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The engine's tests have settings of their own, and a process of their own; ``bin/test`` runs both."""
    if collection_path != ENGINE or config.getoption("ds") == ENGINE_SETTINGS:
        return None
    if any(Path(name.split("::")[0]).absolute().is_relative_to(ENGINE) for name in config.args):
        raise pytest.UsageError(f"The tests of the engine need --ds={ENGINE_SETTINGS}.")
    return True


def pytest_configure() -> None:
    """Tests that commit are cleaned up by the shortest way."""
    from tests.support import emptying

    emptying.install()


if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

    from clubhouse.accounts.models import Business
    from clubhouse.clients.models import Client
    from clubhouse.schedule.models import Club
    from clubhouse.team.models import StaffMember
    from tests.support.mail import Sink
    from tests.support.record import Record


@pytest.fixture(autouse=True)
def media(settings: SettingsWrapper, tmp_path: Path) -> Path:
    """Uploaded files of this test alone."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    """A request leaves its reader's language behind in the thread; the next test begins with the usual one."""
    from django.utils import translation

    yield
    translation.deactivate()


@pytest.fixture
def mail_sink(settings: SettingsWrapper) -> Iterator[Sink]:
    """A real SMTP server that the product sends its mail to during this test."""
    from tests.support.mail import smtp_sink

    with smtp_sink() as sink:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = sink.port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield sink


@pytest.fixture
def business(db: None) -> Business:
    """A business in its default way, *settle first*."""
    from tests.support.factories import make_business

    return make_business("Harbour Gym", slug="harbour-gym")


@pytest.fixture
def club(business: Business) -> Club:
    """A club of ``business``."""
    from tests.support.factories import make_club

    return make_club(business)


@pytest.fixture
def administrator(business: Business) -> StaffMember:
    """An administrator with Delete Accounts switched on."""
    from tests.support.factories import make_staff

    return make_staff(business, "administrator", delete_accounts=True)


@pytest.fixture
def administrator_without_delete(business: Business) -> StaffMember:
    """An administrator whose group has Delete Accounts switched off."""
    from tests.support.factories import make_staff

    return make_staff(business, "administrator", delete_accounts=False)


@pytest.fixture
def manager(business: Business, club: Club) -> StaffMember:
    """The manager of ``club``."""
    from tests.support.factories import make_staff

    return make_staff(business, "manager", club=club)


@pytest.fixture
def employee(business: Business, club: Club) -> StaffMember:
    """An employee of ``club``."""
    from tests.support.factories import make_staff

    return make_staff(business, "employee", club=club)


@pytest.fixture
def stranger(db: None) -> StaffMember:
    """An administrator, with Delete Accounts, of another business."""
    from tests.support.factories import make_business, make_staff

    return make_staff(make_business(), "administrator", delete_accounts=True)


@pytest.fixture
def member(club: Club) -> Client:
    """A client with a sign-in to the member app, and nothing else."""
    from tests.support.factories import make_client

    return make_client(club, member=True)


@pytest.fixture
def client_record(club: Club, manager: StaffMember) -> Record:
    """A client in every table, with canaries, and with every blocker there is."""
    from tests.support.record import make_record

    return make_record(club)


@pytest.fixture
def settled_record(club: Club, manager: StaffMember) -> Record:
    """A client in every table that can hold one whom nothing blocks."""
    from tests.support.record import make_record

    return make_record(club, settled=True)
