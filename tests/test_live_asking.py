"""How a live source is asked: how often, for how long, through what, what is kept, and that no key is ever told."""

# ruff: noqa: E501 - one case is one line of its table

import base64
import json
import traceback
from contextlib import closing
from datetime import timedelta
from email.utils import format_datetime
from urllib.parse import quote

import pytest
from http_made import Answer, device
from points_made import NOW, wanted
from sources_made import DOUBLES, KEY, PASSWORD, TOKEN, Clock, asked, decided, made
from tls_made import behind_proxy

from greengate import outlook, registry
from greengate.errors import SourceError
from greengate.settings import LiveAccess, live_access, live_source
from greengate.web.addresses import proxy_for
from greengate.window import Go, Inconclusive

EM, DE = "electricitymaps", DOUBLES["electricitymaps"].body()


def tries(answers, **pace):
    """How often a source is asked, what is slept between, and what follows."""
    clock = Clock()
    decision, server = decided(EM, tuple(answers), clock=clock, **pace)
    return len(server.asked), clock.slept, type(decision)


BUSY = Answer("", 503)


@pytest.mark.parametrize(
    ("answers", "asked_times", "slept", "kind"),
    [
        ([BUSY, DE], 2, [0.5], Go),
        ([BUSY, BUSY, BUSY, DE], 4, [0.5, 1.0, 2.0], Go),
        ([BUSY] * 4 + [DE], 4, [0.5, 1.0, 2.0], Inconclusive),
        ([Answer(closes=True), DE], 2, [0.5], Go),
        ([Answer("half", announced=99), DE], 2, [0.5], Go),
        ([Answer("", 429, {"Retry-After": "7"}), DE], 2, [7.0], Go),
        ([Answer("", 429, {"Retry-After": format_datetime(NOW + timedelta(seconds=9))}), DE], 2, [9.0], Go),
        ([Answer("", 429, {"Retry-After": "-3"}), DE], 2, [0.5], Go),
        ([Answer("", 429, {"Retry-After": "soon"}), DE], 2, [0.5], Go),
        ([Answer("", 429, {"Retry-After": "31"}), DE], 1, [], Inconclusive),
        ([Answer("", 429, {"Retry-After": "20"})] * 3, 2, [20.0], Inconclusive),
        ([Answer("", 429, {"Retry-After": "9" * 500}), DE], 1, [], Inconclusive),
        ([Answer("", 401), DE], 1, [], Inconclusive),
        ([Answer("", 403), DE], 1, [], Inconclusive),
        ([Answer("", 404), DE], 1, [], Inconclusive),
        ([Answer("", 302, {"Location": "https://elsewhere.example/"}), DE], 1, [], Inconclusive),
        (["<html>", DE], 1, [], Inconclusive),
    ],
    ids=[
        "once busy", "three times", "always", "closed", "broken off", "told to wait", "until a time", "in the past",
        "in words", "beyond the budget", "again and again", "for ever", "401", "403", "404", "astray", "a page",
    ],
)  # fmt: skip
def test_it_is_asked_again_where_that_may_help_and_there_is_time(answers, asked_times, slept, kind):
    assert tries(answers) == (asked_times, slept, kind)


def test_no_answer_in_time_is_asked_for_again():
    assert tries([Answer("", delay_s=60), DE], timeout_s=0.3) == (2, [0.5], Go)


def test_how_long_it_wants_to_be_left_alone_is_told():
    decision, _ = decided(EM, Answer("", 429, {"Retry-After": "3600"}))
    assert decision.hint == "it wants to be left alone for 3600 s"


def test_nobody_at_home_says_so():
    with closing(made(EM, "http://127.0.0.1:9")) as source, pytest.raises(SourceError) as failed:
        source.forecast("DE", NOW, NOW)
    assert str(failed.value) == (
        "electricitymaps: http://127.0.0.1:9 cannot be asked: Connection refused\n"
        "  hint: look whether the address and the proxy are right and this machine may reach them"
    )


# Kept answers


def looked(cache, told, clock, word=EM):
    """Whether a source is asked, with a folder of kept answers; and what it told."""
    with asked(word, told, cache, clock) as (source, server):
        # The port is another each time, and part of what is asked.
        source._courier.address = "https://same.example"
        points = source.forecast(DOUBLES[word].zone, clock.now(), clock.now())
        return len(server.asked), [point.g_per_kwh for point in points]


def test_an_answer_is_kept_for_five_minutes(tmp_path):
    clock, other = Clock(), DOUBLES[EM].body(values=(7,))
    assert looked(tmp_path, DE, clock) == (1, [100, 120, 140, 160])
    clock.slept.append(299)
    assert looked(tmp_path, other, clock) == (0, [100, 120, 140, 160])
    clock.slept.append(2)
    assert looked(tmp_path, other, clock) == (1, [7])
    assert looked(tmp_path, DE, clock) == (0, [7])


def test_an_answer_of_the_future_is_none(tmp_path):
    looked(tmp_path, DE, Clock(NOW + timedelta(days=1)))
    assert looked(tmp_path, DE, Clock())[0] == 1


@pytest.mark.parametrize("told", [Answer("", 500), Answer("", 401), "<html>", {"zone": "FR", "forecast": []}])
def test_failures_are_never_kept(tmp_path, told):
    with pytest.raises(SourceError):
        looked(tmp_path, told, Clock())
    assert list(tmp_path.iterdir()) == []


WRONG = base64.b64encode(b"{}").decode()
BROKEN = [
    b"",
    b"{",
    b"[]",
    b"7",
    b'{"body": 1}',
    b"\xff",
    b"[" * 9999,
    b'{"asked_at": "2026-11-21T12:20:00", "body": ""}',
]


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_file_is_ignored_and_replaced(tmp_path, content):
    looked(tmp_path, DE, Clock())
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    assert looked(tmp_path, DE, Clock())[0] == 1
    assert looked(tmp_path, DE, Clock())[0] == 0


@pytest.mark.parametrize("key", ["body", "sha256", "asked_at"])
def test_a_file_that_was_changed_is_ignored(tmp_path, key):
    looked(tmp_path, DE, Clock())
    (file,) = tmp_path.iterdir()
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: WRONG}))
    assert looked(tmp_path, DE, Clock())[0] == 1


def test_what_was_kept_and_cannot_be_read_any_more_is_asked_again(tmp_path):
    with asked("neso", {"data": []}, tmp_path) as (source, _):
        source._courier.address = "https://same.example"
        source.forecast("GB", NOW, NOW)
    (file,) = tmp_path.iterdir()
    other = json.loads(file.read_text()) | {
        "body": WRONG,
        "sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    }
    file.write_text(json.dumps(other))
    assert looked(tmp_path, DOUBLES["neso"].body(), Clock(), "neso")[0] == 1


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    assert looked(tmp_path / "file" / "below", DE, Clock())[0] == 1


def test_files_of_yesterday_are_swept_away(tmp_path):
    looked(tmp_path, DE, Clock(NOW + timedelta(days=3650)))
    (old,) = tmp_path.iterdir()
    looked(tmp_path, DOUBLES["neso"].body(), Clock(NOW + timedelta(days=3653)), "neso")
    assert not old.exists()


def test_kept_answers_are_for_their_user_alone(tmp_path):
    looked(tmp_path / "kept", DE, Clock())
    (file,) = (tmp_path / "kept").iterdir()
    assert [path.stat().st_mode & 0o077 for path in (file, tmp_path / "kept")] == [0, 0]


# Keys

LOUD = [KEY, PASSWORD, TOKEN, quote(KEY, safe=""), base64.b64encode(f"me:{PASSWORD}".encode()).decode()]
ECHO = " ".join(LOUD)
CUT, CUT_SHORT = "x" * 110 + ECHO, "x" * 50 + ECHO  # a key lies where words are cut short
ECHOES = [
    Answer({"message": ECHO}, 401),
    Answer({"error": {"message": CUT}}, 403),
    Answer({"detail": ECHO.upper()}, 404),
    Answer({"title": ECHO}, 500),
    Answer(ECHO, 503),
    Answer(ECHO),
    Answer({ECHO: ECHO}),
    Answer([ECHO]),
    Answer("", 302, {"Location": f"http://{KEY.replace('/', '.')}.example/{quote(ECHO)}"}),
    Answer("", 302, {"Location": f"http://elsewhere.example/?{quote(ECHO)}"}),
    Answer("", 429, {"Retry-After": ECHO, "X-Echo": ECHO}),
    Answer(raw=f"HTTP/1.1 200 {ECHO}\r\nX\r\n\r\n".encode()),
    Answer(ECHO, announced=9999),
    Answer({"zone": ECHO, "meta": {"region": CUT_SHORT}, "forecast": [], "data": ECHO}),
    Answer({"zone": "DE", "forecast": [{"carbonIntensity": CUT_SHORT, "datetime": ECHO}], "meta": {"region": "CAISO_NORTH", "signal_type": "co2_moer", "units": CUT_SHORT}}),
    Answer({"zone": "DE", "updatedAt": CUT_SHORT, "forecast": [{"carbonIntensity": 1, "datetime": "2026-11-21T12:00Z"}]}),
]  # fmt: skip


def told_of(word, answer, cache, *, login=False):
    """Everything that a failure says of itself, with what lies in the folder of kept answers."""
    double = DOUBLES[word]
    answers = {"*": answer} if login else {**double.others, "*": answer}
    with device(answers) as server, closing(made(word, server.address, cache=cache)) as source:
        try:
            source.forecast(double.zone, NOW, NOW)
            said = ""
        except SourceError as error:
            said = "".join(traceback.format_exception(error)) + repr(error)
        decision = outlook._place(source, double.zone, wanted(None, 2), NOW).decision
        said += repr(decision) + repr(source._courier._asker._way)
    return said + "".join(path.read_text() for path in cache.iterdir())


@pytest.mark.parametrize("login", [False, True])
@pytest.mark.parametrize("answer", ECHOES)
@pytest.mark.parametrize("word", [EM, "watttime"])
def test_no_failure_tells_a_key(word, answer, login, tmp_path):
    secrets = [KEY] if word == EM else [PASSWORD, LOUD[-1], *([] if login else [TOKEN])]
    said = told_of(word, answer, tmp_path, login=login).lower()
    for secret in secrets:
        for form in (secret, quote(secret, safe=""), secret[:6]):
            assert form.lower() not in said


def test_an_answer_that_echoes_a_key_is_used_and_not_kept(tmp_path):
    assert looked(tmp_path, {**DE, "hello": KEY}, Clock())[0] == 1
    assert list(tmp_path.iterdir()) == []


def test_no_key_goes_to_another_host():
    with device({"*": DE}) as other:
        decision, _ = decided(EM, Answer("", 302, {"Location": f"{other.address}/v3"}))
    assert other.asked == []
    assert decision.why.endswith("which is not followed")


def test_a_redirect_within_the_host_is_followed():
    answers = [Answer("", 302, {"Location": "/v3/carbon-intensity/forecast?zone=DE"}), DE]
    assert isinstance(decided(EM, tuple(answers))[0], Go)


def test_nothing_that_can_be_shown_holds_a_key():
    access = LiveAccess("https://a.example", "me", PASSWORD, KEY, proxies={"https": f"http://me:{PASSWORD}@proxy"})
    shown = repr(access) + repr(registry.intensity_source(EM, access).__dict__)
    assert PASSWORD not in shown
    assert KEY not in shown


# Proxies


@pytest.mark.parametrize(
    ("address", "proxies", "proxy"),
    [
        ("https://api.example", {}, ""),
        ("https://api.example", {"https": "http://proxy:3128"}, "http://proxy:3128"),
        ("https://api.example", {"https": "proxy:3128"}, "http://proxy:3128"),
        ("http://api.example", {"https": "http://proxy:3128"}, ""),
        ("https://api.example", {"https": "http://proxy", "no": "other, .example"}, ""),
        ("https://api.example", {"https": "http://proxy", "no": "api.example:443"}, ""),
        ("https://api.example", {"https": "http://proxy", "no": "api.example:8443"}, "http://proxy"),
        ("https://api.example", {"https": "http://proxy", "no": "pi.example,"}, "http://proxy"),
        ("https://api.example", {"https": "http://proxy", "no": "*"}, ""),
        ("http://127.0.0.1:8080", {"http": "http://proxy"}, ""),
        ("http://localhost:8080", {"http": "http://proxy"}, ""),
    ],
)
def test_proxies_are_those_of_the_environment(address, proxies, proxy):
    assert proxy_for("neso", address, proxies) == proxy


def test_a_source_is_asked_through_a_proxy():
    body = DOUBLES["neso"].body()
    with device({"*": body}) as proxy:
        access = {"proxies": {"http": proxy.address}}
        with closing(made("neso", "http://neso.example", access=access)) as source:
            assert len(source.forecast("GB", NOW, NOW)) == 8
    assert proxy.asked == ["http://neso.example/intensity/2026-11-21T12:00Z/2026-11-21T12:30Z"]


def test_a_slow_proxy_is_not_waited_for():
    with device({"*": Answer(raw=b"HTTP/1.1 200 OK\r\nX: " + b"x" * 999, slowly_s=0.05)}) as proxy:
        access = {"proxies": {"http": proxy.address}}
        with closing(made("neso", "http://neso.example", access=access, timeout_s=0.2, tries=1)) as source:
            decision = outlook._place(source, "GB", wanted(None, 2), NOW).decision
    assert decision.why == "neso: http://neso.example gave no whole answer within 0.2 s"
    assert proxy.dripped < 500


def through(tmp_path, ca_file):
    """What a source tells that is asked by TLS through a proxy with a password, and what the proxy was asked."""
    body = json.dumps(DOUBLES["neso"].body()).encode()
    with behind_proxy(tmp_path, "neso.example", body) as (proxy, heads):
        access = {"ca_file": ca_file, "proxies": {"https": f"http://me:{quote(PASSWORD, safe='')}@{proxy}"}}
        with closing(made("neso", "https://neso.example", access=access)) as source:
            return outlook._place(source, "GB", wanted(None, 2), NOW).decision, heads


def test_tls_goes_through_a_proxy_that_wants_a_password(tmp_path):
    decision, heads = through(tmp_path, str(tmp_path / "cert.pem"))
    assert isinstance(decision, Go)
    assert f"Proxy-Authorization: Basic {LOUD[-1]}\r\n" in heads[0]


def test_who_breaks_tls_open_has_to_be_trusted_by_name(tmp_path):
    decision, _ = through(tmp_path, "")
    assert decision == Inconclusive(
        "neso: https://neso.example shows no certificate that is trusted here",
        "give the certificate of its authority: GREENGATE_WINDOW_CA=/path/to/ca.pem",
    )


# Settings


def test_a_source_gets_its_own_key_alone():
    given = {
        "GREENGATE_ELECTRICITYMAPS_TOKEN": "a key\n",
        "GREENGATE_WATTTIME_USER": "me",
        "GREENGATE_WATTTIME_PASSWORD": " kept as it is ",
        "GREENGATE_CARBON_AWARE_URL": "http://sdk",
        "GREENGATE_CARBON_AWARE_SIGNAL": "average",
    }
    assert live_access(EM, "", given) == LiveAccess(token="a key")
    assert live_access("watttime", "", given) == LiveAccess(user="me", password=" kept as it is ")
    assert live_access("carbon-aware", "", given) == LiveAccess("http://sdk", signal="average")
    assert live_access("carbon-aware", "http://other", given).address == "http://other"


def test_proxies_and_folders_are_read_as_others_read_them(tmp_path):
    given = {"HTTPS_PROXY": "a", "https_proxy": "b", "HTTP_PROXY": "c", "all_proxy": "d", "NO_PROXY": "e"}
    assert live_access(EM, "", given).proxies == {"https": "b", "no": "e", "http": "d"}
    assert live_access(EM, "", {"HTTP_PROXY": "c"}).proxies == {}
    kept = tmp_path / "greengate" / "intensity"
    assert live_access(EM, "", {"XDG_CACHE_HOME": str(tmp_path)}).cache == kept
    assert live_access(EM, "", {"HOME": "/home/me"}).cache.as_posix() == "/home/me/.cache/greengate/intensity"
    assert live_access(EM, "", {"HOME": "here"}).cache is None
    assert live_source({"GREENGATE_WINDOW_SOURCE": " neso "}) == "neso"
