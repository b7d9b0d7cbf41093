"""How a forge is asked: how often, after which waits, for how long in all, and what is never asked twice."""

import threading
from contextlib import closing, contextmanager
from datetime import timedelta
from email.utils import format_datetime

import pytest
from forge_made import NOW, Clock, Fault, Reply, served
from tls_made import behind_proxy

from greengate.errors import ForgeError, Unanswered, UsageError
from greengate.forge.patience import MOST_BYTES, Patient
from greengate.settings import ForgeAccess

TOKEN = "ghs_secret0000"


class Double:
    """Answers what it is told to, one after the other, the last again and again."""

    def __init__(self, replies, faults=()):
        self.replies, self.faults, self.log, self.seen = list(replies), list(faults), [], []
        self.lock, self.address = threading.RLock(), ""

    def answer(self, method, target, headers, _body):
        self.seen.append((method, target, headers.get("Authorization")))
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def asked(*replies, faults=(), clock=None, **pace):
    """A patient session, and what it asks."""
    clock = clock or Clock()
    with served(Double(replies or [FINE], faults)) as double, closing(Patient(clock.pace(**pace))) as session:
        session.reach("github", double.address, ForgeAccess(TOKEN))
        session.headers["Authorization"] = f"token {TOKEN}"
        double.clock = clock
        yield session, double


FINE, BUSY = Reply(200, {"fine": True}), Reply(503, {"message": "busy"})
AT = str(int(NOW.timestamp()) + 89)
USED_UP = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": AT}


@pytest.mark.parametrize(
    ("method", "first", "slept"),
    [
        ("GET", [Reply(500)], [1.0]),
        ("GET", [Reply(502), Reply(503), Reply(504)], [1.0, 2.0, 4.0]),
        ("DELETE", [Reply(502)], [1.0]),
        ("PATCH", [Reply(502)], [1.0]),
        ("GET", [Reply(503, None, {"Retry-After": "7"})], [7.0]),
        ("GET", [Reply(429, None, {"Retry-After": "30"})], [30.0]),
        ("POST", [Reply(429, None, {"Retry-After": "30"})], [30.0]),
        ("POST", [Reply(403, None, {"Retry-After": format_datetime(NOW + timedelta(seconds=40))})], [40.0]),
        ("GET", [Reply(403, None, {**USED_UP, "Retry-After": "5"})], [5.0]),
        ("GET", [Reply(403, {"message": "API rate limit exceeded"}, USED_UP)], [90.0]),
        ("GET", [Reply(429, None, {"RateLimit-Remaining": "0", "RateLimit-Reset": AT})], [90.0]),
        ("POST", [Reply(403, {"message": "You have exceeded a secondary rate limit."})], [60.0]),
        ("POST", [Reply(429), Reply(429)], [60.0, 120.0]),
    ],
    ids=[
        "500",
        "three of them",
        "a DELETE",
        "a PATCH",
        "503 with a time",
        "429 with a time",
        "a POST that was refused",
        "a date",
        "its own word first",
        "used up",
        "as GitLab says it",
        "a secondary limit",
        "twice",
    ],
)
def test_it_waits_and_asks_again(method, first, slept):
    with asked(*first, FINE) as (session, double):
        assert session.request(method, f"{double.address}/x").json() == {"fine": True}
        assert double.clock.slept == slept


@pytest.mark.parametrize(
    "reply",
    [
        Reply(401),
        Reply(404),
        Reply(422),
        Reply(400),
        Reply(403),
        Reply(403, {"message": "Resource not accessible by integration"}, {"Retry-After": "1", **USED_UP}),
    ],
    ids=["401", "404", "422", "400", "403", "not accessible"],
)
def test_what_stays_as_it_is_is_returned_at_once(reply):
    with asked(reply) as (session, double):
        assert session.get(f"{double.address}/x").status_code == reply.status
        assert (double.clock.slept, len(double.log)) == ([], 1)


POINTLESS = "what was concluded stands; tell it again with `greengate post`"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_post_that_may_have_been_done_is_never_sent_again(status):
    with asked(Reply(status)) as (session, double), pytest.raises(Unanswered) as error:
        session.post(f"{double.address}/x")
    words = f"{double.address} fails ({status}); it is not known whether it did what was asked"
    assert (str(error.value), len(double.log)) == (f"github: {words}\n  hint: {POINTLESS}", 1)


@pytest.mark.parametrize(
    ("kind", "why"),
    [("silent", "gave no whole answer within 0.2 s"), ("reset", "broke its answer off, or does not speak HTTP")],
)
def test_nor_is_one_that_got_no_whole_answer(kind, why):
    with asked(faults=[Fault(kind)], timeout_s=0.2) as (session, double), pytest.raises(Unanswered, match=why):
        session.post(f"{double.address}/x")
    assert len(double.log) == 1


@pytest.mark.parametrize("kind", ["silent", "reset"])
def test_a_question_that_got_none_is_asked_again(kind):
    with asked(faults=[Fault(kind, times=2)], timeout_s=0.2) as (session, double):
        assert session.get(f"{double.address}/x").json() == {"fine": True}
        assert double.clock.slept == [1.0, 2.0]


def test_a_post_that_cannot_have_arrived_is_sent_again():
    clock, nowhere = Clock(), "http://127.0.0.1:9"
    with closing(Patient(clock.pace())) as session:
        session.reach("github", nowhere, ForgeAccess(TOKEN))
        with pytest.raises(ForgeError, match="cannot be asked: Connection refused") as error:
            session.post(f"{nowhere}/x")
    assert (clock.slept, type(error.value)) == ([1.0, 2.0, 4.0], ForgeError)


def test_whoever_asks_may_say_whether_it_may_be_done_twice():
    with asked(BUSY, FINE) as (session, double):
        assert session.post(f"{double.address}/x", repeat=True).ok
    with asked(BUSY, FINE) as (session, double), pytest.raises(Unanswered):
        session.patch(f"{double.address}/x", repeat=False)


def test_it_gives_up():
    with asked(BUSY) as (session, double), pytest.raises(ForgeError) as error:
        session.get(f"{double.address}/x")
    assert str(error.value) == f"github: {double.address} fails (503)\n  hint: {POINTLESS}"
    assert double.clock.slept == [1.0, 2.0, 4.0]


def test_a_wait_that_is_longer_than_what_is_left_is_not_begun():
    with (
        asked(Reply(403, {"message": "API rate limit exceeded"}, USED_UP), budget_s=80) as (session, double),
        pytest.raises(ForgeError) as error,
    ):
        session.get(f"{double.address}/x")
    why = "it may be asked again at 2026-11-21 12:01:30 UTC, and waiting so long is not in the budget"
    assert error.value.problem == f"{double.address} was asked too often (403); {why}"
    assert (error.value.hint, double.clock.slept) == (f"{POINTLESS}, after that", [])


def test_all_that_a_session_asks_shares_one_budget():
    with asked(Reply(429, None, {"Retry-After": "50"}), FINE, Reply(429, None, {"Retry-After": "50"}), budget_s=80) as (
        session,
        double,
    ):
        assert session.get(f"{double.address}/x").ok
        with pytest.raises(ForgeError, match="waiting so long is not in the budget"):
            session.get(f"{double.address}/x")
        assert double.clock.slept == [50.0]


def test_without_anything_left_nothing_is_asked():
    with (
        asked(budget_s=0) as (session, double),
        pytest.raises(ForgeError, match="was asked for 0 s in all, which is as long as it may be"),
    ):
        session.get(f"{double.address}/x")
    assert double.log == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_on_the_same_host_is_followed(status):
    with asked(Reply(status, None, {"Location": "/y"}), FINE) as (session, double):
        assert session.get(f"{double.address}/x", params={"page": "1"}).ok
        assert [one[:2] for one in double.seen] == [("GET", "/x?page=1"), ("GET", "/y")]


def test_a_post_is_not_turned_into_a_question():
    with (
        asked(Reply(301, None, {"Location": "/y"})) as (session, double),
        pytest.raises(ForgeError, match="what is asked for has moved"),
    ):
        session.post(f"{double.address}/x")
    assert len(double.log) == 1


@pytest.mark.parametrize("location", ["http://127.0.0.1:9/x", "https://evil.example/x", "http://[", "//evil.example"])
def test_the_token_goes_to_no_other_host(location):
    with asked(Reply(302, None, {"Location": location})) as (session, double):
        with pytest.raises(ForgeError, match=r"leads to another host, which is not followed|is no address"):
            session.get(f"{double.address}/x")
        with pytest.raises(ForgeError, match="leads to another host, which is not followed"):
            session.get("https://evil.example/next")
        assert {one[2] for one in double.seen} == {f"token {TOKEN}"}


def test_a_redirect_without_end_is_left():
    with (
        asked(Reply(302, None, {"Location": "/x"})) as (session, double),
        pytest.raises(ForgeError, match="redirects again and again"),
    ):
        session.get(f"{double.address}/x")
    assert len(double.log) == 3


def test_an_answer_has_an_end():
    with (
        asked(Reply(200, "x" * MOST_BYTES)) as (session, double),
        pytest.raises(ForgeError, match="answers with more than 16 MiB"),
    ):
        session.get(f"{double.address}/x")


def test_certificates_are_checked_whatever_a_library_says(tmp_path):
    with behind_proxy(tmp_path, "api.github.com", b"{}") as (proxy, heads), closing(Patient(Clock().pace())) as session:
        access = ForgeAccess(TOKEN, proxies={"https": proxy})
        session.reach("github", "https://api.github.com", access)
        with pytest.raises(ForgeError) as error:
            session.get("https://api.github.com/user", verify=False)
    assert error.value.problem == "https://api.github.com shows no certificate that is trusted here"
    assert error.value.hint == "give the certificate of its authority: GREENGATE_FORGE_CA=/path/to/ca.pem"
    assert len(heads) == 1


def test_an_authority_and_a_proxy_that_are_given_are_used(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with behind_proxy(tmp_path, "api.github.com", b"{}") as (proxy, _), closing(Patient(Clock().pace())) as session:
        access = ForgeAccess(TOKEN, ca_file=str(tmp_path / "cert.pem"), proxies={"https": proxy})
        session.reach("github", "https://api.github.com", access)
        assert session.get("https://api.github.com/user", verify=True).content == b"{}"


@pytest.mark.parametrize(
    ("address", "access", "why"),
    [
        (
            "http://git.acme.example/api/v3",
            ForgeAccess(TOKEN),
            "a key would be sent to `http://git.acme.example/api/v3` in the clear",
        ),
        (
            "https://olga:pw@git.acme.example",
            ForgeAccess(TOKEN),
            "its address holds a user or a password\n  hint: give those in variables: see docs/forge.md",
        ),
        ("git.acme.example", ForgeAccess(TOKEN), "its address is none"),
        (
            "https://git.acme.example",
            ForgeAccess(TOKEN, ca_file="/nowhere.pem"),
            "GREENGATE_FORGE_CA: there is no `/nowhere.pem`",
        ),
    ],
    ids=["in the clear", "a user", "none", "no authorities"],
)
def test_an_address_that_cannot_be_used_is_refused(address, access, why):
    with closing(Patient()) as session, pytest.raises(UsageError) as error:
        session.reach("github", address, access)
    assert why in str(error.value)


def test_what_a_forge_says_is_shown_without_secrets_on_one_line_and_short():
    with closing(Patient()) as session:
        session.reach(
            "github", "https://git.acme.example", ForgeAccess("s e/c", proxies={"https": "http://olga:pw9@proxy"})
        )
        assert session.shown("a S E/C, s%20e%2Fc\n\x1b[1m pw9") == "a ***, ***  [1m ***"
        assert session.shown("x" * 300) == "x" * 200 + "…"
        assert session.shown("x" * 198 + "s e/c") == "x" * 198 + "**…"
