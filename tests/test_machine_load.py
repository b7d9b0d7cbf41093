import pytest

from greengate.measure.machine_load import Load, Shares, asleep_s, between

BEFORE = "cpu  1000 10 200 5000 90 5 15 30 70 0\ncpu0 500 5 100 2500 45 2 8 15\ncpu1 500 5 100 2500 45 3 7 15\nintr 1\n"
AFTER = "cpu  1300 20 260 5500 100 10 25 60 90 0\ncpu0 1\ncpu1 1\nintr 2\n"


def test_a_text_is_read_in_seconds():
    assert Load.parse(BEFORE, 100) == Load(busy_s=12.3, steal_s=0.3, idle_s=50.9, processors=2)


def test_guest_time_is_not_counted_twice():
    assert Load.parse("cpu 1 0 0 0 0 0 0 0 1000 1000\ncpu0 1", 1).busy_s == 1


@pytest.mark.parametrize(
    "text", ["", "intr 1", "cpu0 1 2 3 4", "cpu", "cpu 1 2 3", "cpu 1 2 3 x", "cpu 1 2 3 -4", "\x00"], ids=repr
)
def test_what_is_no_such_text_is_none(text):
    assert Load.parse(text, 100) is None
    assert between(BEFORE, text, 100, 0.0, 1.0) is None


def test_an_old_kernel_knows_no_steal():
    assert Load.parse("cpu 1 2 3 4\ncpu0 1 2 3 4", 1) == Load(busy_s=6, steal_s=0, idle_s=4, processors=1)


def test_shares_are_of_the_whole_machine():
    found = between(BEFORE, AFTER, 100, own_cpu_s=2.0, wall_s=5.0)
    assert found == Shares(steal=pytest.approx(0.03), foreign=pytest.approx((3.85 - 2.0) / 10))


@pytest.mark.parametrize(
    ("own_cpu_s", "wall_s", "expected"),
    [(10.0, 5.0, Shares(pytest.approx(0.03), 0.0)), (0.0, 0.1, Shares(1.0, 1.0)), (0.0, 0.0, Shares(0.0, 0.0))],
    ids=["more of one's own than was counted", "coarse ticks", "no time"],
)
def test_shares_lie_between_0_and_1(own_cpu_s, wall_s, expected):
    assert between(BEFORE, AFTER, 100, own_cpu_s, wall_s) == expected


def test_a_file_is_read_or_none(tmp_path):
    file = tmp_path / "stat"
    assert Load.read(file) is None
    file.write_bytes(b"\xff\xfe")
    assert Load.read(file) is None
    file.write_text(BEFORE)
    assert Load.read(file).processors == 2


def test_time_asleep_never_shrinks():
    assert asleep_s() >= -1e-3
