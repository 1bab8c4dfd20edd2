"""Search: by name, address, id and phone, however either is written."""

from __future__ import annotations

import pytest

from clubhouse.clients.models import Client
from clubhouse.clients.search import digits, fold, matching, search_text
from clubhouse.schedule.models import Club
from tests.support.factories import make_client


@pytest.fixture
def siobhan(club: Club) -> Client:
    """Someone whose every detail is awkward."""
    return someone(
        club,
        first_name="Siobhán\u200b",
        last_name="O’Brien-Smythe",
        email="S.OBrien@Mail.Example",
        number="A-1040",
        mobile_no="+49(0) 810 706369",
        phone_no="(925) 878-4947x12",
        work_no="",
    )


def someone(club: Club, **fields: str) -> Client:
    client = make_client(club, **fields)
    client.search_text = search_text(client)
    client.save()
    return client


@pytest.mark.parametrize(
    "query",
    [
        "siobhan",
        "SIOBHÁN",
        "o'brien",
        "smythe siobhan",
        "  siobhan   o’brien-smythe ",
        "siob smyth",
        "s.obrien@mail.example",
        "S.OBRIEN@",
        "a-1040",
        "1040",
        "siobhan 1040",
        "siobhan - smythe",
        "+49(0) 810 706369",
        "+49810706369",
        "0049 810 706 369",
        "+ 49 810-706369",
        "0810/706369",
        "0810 706369",
        "[0810] 706.369",
        "706369",
        "٠٨١٠ ٧٠٦٣٦٩",
        "smythe 0810 706369",
        "925-878-4947",
        "(925) 8784947",
        "+1 925 878 4947",
        "001-925-878-4947",
        "925 878 4947x12",
        "",
        "   ",
    ],
)
@pytest.mark.django_db
def test_found(siobhan: Client, query: str) -> None:
    assert list(Client.objects.filter(matching(query), pk=siobhan.pk)) == [siobhan]


@pytest.mark.parametrize(
    "query",
    [
        "siobhan jones",
        "jones",
        "%",
        "_",
        "+",
        "+44 706999",
        "810 706360",
        "0810 706369 1",
        "706369810",
        "10409",
        "smythe 999",
        "\\",
        "siobhan\nzz",
    ],
)
@pytest.mark.django_db
def test_not_found(club: Club, siobhan: Client, query: str) -> None:
    assert not Client.objects.filter(matching(query), pk=siobhan.pk).exists()


@pytest.mark.parametrize(
    ("stored", "query"),
    [
        ("07911 123456", "+44 7911 123456"),
        ("07911 123456", "+44 (0)7911 123456"),
        ("+44 7911 123456", "07911123456"),
        ("0044 7911 123456", "+447911123456"),
        ("06 123456", "+39 06 123456"),
        ("+353 86 123 4567", "086 1234567"),
        ("086-123-4567", "00353 86 123 4567"),
    ],
)
@pytest.mark.django_db
def test_a_phone_number_is_found_in_any_notation(club: Club, stored: str, query: str) -> None:
    person = someone(club, mobile_no=stored)
    assert list(Client.objects.filter(matching(query))) == [person]


@pytest.mark.django_db
def test_one_number_does_not_reach_into_the_next(club: Club) -> None:
    someone(club, mobile_no="0711 222", phone_no="0333 444")
    assert not Client.objects.filter(matching("222333")).exists()


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Pawłowski", "pawlowski"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Øystein Æ", "oystein ae"),
        ("İstanbul", "istanbul"),
        ("e\u0301\u202e  x", "e x"),
        ("１２３", "123"),
        ("李 小龍", "李 小龍"),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_digits() -> None:
    assert [digits(phone) for phone in ("+49(0) 8107", "00 49 8107", "(0)8107", "0-8107", "")] == [
        "498107",
        "498107",
        "8107",
        "8107",
        "",
    ]


def test_the_text_has_a_line_for_each_detail_that_is_there() -> None:
    person = Client(first_name="Ada\nLee", email="A@b.example", number="7", mobile_no="+1 (0)2", work_no="0")
    assert search_text(person) == "ada lee\na@b.example\n7\n12"
