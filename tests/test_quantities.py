import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greengate.quantities import DIMENSIONS, Count, Duration, Energy, NotAQuantity, Points, Share, Size


@pytest.mark.parametrize(
    ("kind", "text", "amount"),
    [
        (Energy, "850 J", 850),
        (Energy, "1.5kWh", 5.4e6),
        (Duration, "40 ms", 0.04),
        (Size, "500 MiB", 500 * 2**20),
        (Share, "5%", 0.05),
        (Points, "0.5 pp", 0.005),
        (Count, "4e9", 4e9),
        (Count, 4_000_000.0, 4e6),
        (Count, "4 GFLOP", 4e9),
    ],
)
def test_an_amount_is_read_into_its_base_unit(kind, text, amount):
    assert kind.parse(text).amount == pytest.approx(amount, rel=1e-15)


@pytest.mark.parametrize(
    ("kind", "text", "problem", "hint"),
    [
        (Duration, 40, "`40` has no unit", "a duration is written like `40 ms`"),
        (Energy, "40 ms", "`40 ms` is a duration, expected an energy", "write it like `850 J`"),
        (Energy, "40 kWhh", "`kWhh` in `40 kWhh` is no unit of an energy", "did you mean `kWh`?"),
        (Energy, "lots", "found `lots`, expected an energy such as `850 J`", ""),
        (Energy, "nan J", "found `nan J`, expected an energy such as `850 J`", ""),
        (Energy, True, "found `True`, expected an energy such as `850 J`", ""),
        (Energy, "1e400 J", "found `1e400 J`, expected an energy such as `850 J`", ""),
        (Energy, "1e308 kWh", "found `1e308 kWh`, which is too large", ""),
        (Energy, "٤ J", "found `٤ J`, expected an energy such as `850 J`", ""),
    ],
)
def test_what_is_no_amount_of_the_dimension_is_refused_in_words(kind, text, problem, hint):
    with pytest.raises(NotAQuantity) as refusal:
        kind.parse(text)
    assert (str(refusal.value), refusal.value.hint) == (problem, hint)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (Energy(0.0123), "12.3 mJ"),
        (Energy(850), "850 J"),
        (Energy(5.4e6), "1.5 kWh"),
        (Size(500 * 2**20), "500 MiB"),
        (Duration(0.0401), "40.1 ms"),
        (Count(4089e6), "4.089 G"),
        (Share(0.05), "5%"),
        (Count(0), "0"),
    ],
)
def test_an_amount_is_written_in_the_unit_that_reads_best(amount, words):
    assert str(amount) == words


@given(st.sampled_from(sorted(DIMENSIONS)), st.floats(1e-9, 1e12))
def test_what_is_written_reads_back_to_four_digits(name, amount):
    kind = DIMENSIONS[name]
    words = kind(amount).in_words().replace(",", "")
    assert math.isclose(kind.parse(words).amount, amount, rel_tol=1e-3, abs_tol=0)


def test_no_spelling_of_a_unit_belongs_to_two_dimensions():
    spellings = [unit for kind in DIMENSIONS.values() for unit in kind.units]
    assert len(spellings) == len(set(spellings))
