"""Bytes (row N11) of a whole club: several hundred people, two seeds. ``bin/bench bytes`` does it with thousands."""

from __future__ import annotations

import pytest

from bench.bytes import measure, values_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("seed", [11, 12])
def test_nothing_of_the_erased_is_in_the_files_and_everything_of_the_others(seed: int) -> None:
    found = measure(seed, 240)
    assert found.values > 240 / 2 * 20
    assert found.before == found.values, "what was never there cannot have gone"
    assert found.uncleaned > 0, "there was nothing to clean"
    assert found.cleaned == 0
    assert found.of_others == found.others > 0
    assert found.held


def test_a_value_is_found_wherever_it_stands() -> None:
    """What the test above looks with: in the middle of bytes, in capitals, and twice."""
    assert values_in(b"\x00zq0123456789abX\xffZQ0123456789AC zq") >= {b"zq0123456789ab", b"zq0123456789ac"}
