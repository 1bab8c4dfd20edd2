"""Cells: what each kind takes, and what it refuses without repeating it."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubhouse.clients.models import Client
from clubhouse.imports import values
from clubhouse.imports.values import Reader, Unfit

UTC = datetime.UTC


@pytest.mark.parametrize(
    ("read", "cell", "value"),
    [
        (values.day, "1969-05-26", datetime.date(1969, 5, 26)),
        (values.day, " 26/05/1969 ", datetime.date(1969, 5, 26)),
        (values.day, "03/10/1950", datetime.date(1950, 10, 3)),
        (values.day, "2024-02-29", datetime.date(2024, 2, 29)),
        (values.optional_day, "", None),
        (values.moment, "2026-09-08T06:30:00Z", datetime.datetime(2026, 9, 8, 6, 30, tzinfo=UTC)),
        (values.moment, "2026-09-08 06:30", datetime.datetime(2026, 9, 8, 6, 30, tzinfo=UTC)),
        (values.moment, "2026-09-08T06:30:00+02:00", datetime.datetime(2026, 9, 8, 4, 30, tzinfo=UTC)),
        (values.moment, "08/09/2026 06:30:15", datetime.datetime(2026, 9, 8, 6, 30, 15, tzinfo=UTC)),
        (values.money, "12.50", Decimal("12.50")),
        (values.money, "12,5", Decimal("12.50")),
        (values.money, "0", Decimal("0.00")),
        (values.whole, " 20 ", 20),
        (values.yes_no, "Yes", True),
        (values.yes_no, "no", False),
        (values.choice("lead", "active"), "LEAD ", "lead"),
        (values.keys, "T2|T1||T2 ", ("T2", "T1")),
        (values.keys, "", ()),
        (values.currency, "gbp", "GBP"),
        (values.timezone, "Australia/Sydney", "Australia/Sydney"),
        (values.email, "Ada@Mail.Example", "Ada@Mail.Example"),
        (values.optional_email, "", ""),
        (values.text(Client, "height"), "1,99", "1,99"),
        (values.text(Client, "first_name"), "  padded\t", "  padded\t"),
        (values.text(Client, "first_name"), "a" * 300, "a" * 300),
    ],
)
def test_taken(read: Reader, cell: str, value: Any) -> None:
    assert read(cell) == value


@pytest.mark.parametrize(
    ("read", "cell"),
    [
        (values.day, "1987-02-31"),
        (values.day, "05/26/1969"),
        (values.day, "19690526"),
        (values.day, ""),
        (values.day, "٢٠٢٤-٠١-٠١"),
        (values.moment, "2026-09-08"),
        (values.moment, "2026-09-08T25:00:00Z"),
        (values.moment, "2026-09-08T06:30:00+99:00"),
        (values.moment, "0001-01-01T00:00:00+14:00"),
        (values.money, "1,250"),
        (values.money, "-3.00"),
        (values.money, "NaN"),
        (values.money, "999999999"),
        (values.whole, "3.5"),
        (values.whole, "12345678901"),
        (values.above_zero, "0"),
        (values.yes_no, ""),
        (values.choice("lead"), "deleted"),
        (values.currency, "pounds"),
        (values.timezone, "../etc/passwd"),
        (values.timezone, "Atlantis/Deep"),
        (values.timezone, ""),
        (values.email, "not an address"),
        (values.email, " ada@mail.example"),
        (values.filled, "  "),
        (values.text(Client, "height"), "x" * 21),
        (values.text(Client, "first_name", required=True), " "),
        (values.key(Client, "number"), " "),
    ],
)
def test_refused(read: Reader, cell: str) -> None:
    with pytest.raises(Unfit) as unfit:
        read(cell)
    assert not cell.strip() or cell not in str(unfit.value)


@given(cell=st.text(max_size=40))
@pytest.mark.parametrize(
    "read", [values.day, values.moment, values.money, values.whole, values.email, values.timezone, values.currency]
)
def test_anything_is_taken_or_refused(read: Reader, cell: str) -> None:
    said = ""
    try:
        read(cell)
    except Unfit as unfit:
        said = str(unfit)
    assert len(cell) < 4 or cell not in said


@given(cell=st.text(max_size=300))
def test_free_text_comes_out_as_it_went_in(cell: str) -> None:
    assert values.text(Client, "first_name")(cell) == cell
