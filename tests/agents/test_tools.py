"""Tools of agents, each on the real thing: the sandbox, the planner, z3, and a server on loopback."""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from eudoxus import sandbox
from eudoxus.agents.tools.fetch import Fetch, FetchSettings, configure_fetch, words_of
from eudoxus.agents.tools.python import shown_at_the_end
from eudoxus.agents.tools.shipped import TOOLS
from eudoxus.planners.domains import shipped
from eudoxus.runtime.errors import InvalidParams
from tests.agents.running import chat, run

PROBLEM = """(define (problem two) (:domain blocksworld) (:objects a b - block)
 (:init (arm-empty) (on-table a) (on-table b) (clear a) (clear b)) (:goal (on a b)))"""
DOMAIN = shipped()["blocksworld"].pddl


@pytest.fixture(autouse=True)
async def closed_afterwards() -> AsyncIterator[None]:
    yield
    await sandbox.close_shared()


async def observed(tool: str, text: str) -> str:
    """What ``react`` observes of one use of a tool, in a run that also replays."""
    result, _ = await run(f"react(tools=[{tool}])", chat("?"), [f"Thought: t\nAction: {tool}[{text}]", "Action: Finish[done]"])
    assert result.artifacts["turns"][0]["action"] == f"{tool}[{text.strip()}]"
    return str(result.artifacts["turns"][0]["observation"])


# -- python ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "said"), [
    ("print(6 * 7)", "42"), ("6 * 7", "42"), ("xs = [1, 2]\nxs[0] = 5\nxs", "[5, 2]"), ("for i in range(2):\n    print(i)", "0\n1"),
    ("```python\nsum(range(5))\n```", "10"), ("x = 1", "the program ended and printed nothing"), ("print('a'); 'é'", "a\né"),
    ("action = 3\nthought = 4\naction * thought", "12"),
])
async def test_a_program_shows_what_it_prints_and_the_value_of_its_last_line(code: str, said: str):
    assert await observed("python", code) == said


@pytest.mark.parametrize(("code", "said"), [
    ("print('first')\n1 / 0", "error: ZeroDivisionError: division by zero (line 2)\n[printed before]\nfirst"),
    ("while True: pass", "error: the program was ended after"), ("def (", "error: SyntaxError"),
    ("open('/etc/passwd').read()", "error: "), ("import socket\nsocket.create_connection(('127.0.0.1', 80))", "error: "),
    ("import os\nos.environ['PATH']", "error: "),
])
async def test_what_a_program_cannot_do_is_an_observation(code: str, said: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules["eudoxus.agents.tools.python"], "LIMITS", sandbox.Limits(wall_s=2, call_s=2, cpu_s=2))
    assert (await observed("python", code)).startswith(said)


async def test_nothing_is_left_for_the_next_call():
    turns = ["Action: python[x = 1]", "Action: python[x]", "Action: Finish[done]"]
    result, _ = await run("react(tools=[python])", chat("?"), turns)
    assert result.artifacts["turns"][1]["observation"].startswith("error: NameError")


@given(st.text(alphabet="abx=1+()[]:;\n '\"#é", max_size=40))
def test_no_program_breaks_the_showing_of_its_end(code: str):
    shown = shown_at_the_end(code)
    assert shown == code or shown.endswith("print(__value)\n")


# -- planner -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("domain", [DOMAIN, "domain: blocksworld"], ids=["text", "name"])
async def test_a_plan_is_found_and_validated(domain: str):
    pytest.importorskip("up_fast_downward")
    assert await observed("planner", f"{domain}\n{PROBLEM}") == "a plan of 2 steps, validated:\n(pick-up a)\n(stack a b)"


@pytest.mark.parametrize(("text", "said"), [
    ("please", "error: there is no (define (problem"), (PROBLEM, "error: there is no (define (domain"),
    (f"{DOMAIN}\n{PROBLEM.replace('(on a b)', '(above a b)')}", "error: "), (f"{DOMAIN}\n{PROBLEM[:-30]}", "error: "),
    (f"{DOMAIN}\n{PROBLEM.replace('(clear b))', ')')}", "error: "),
])
async def test_pddl_that_cannot_be_planned_for_is_an_observation(text: str, said: str):
    assert (await TOOLS["planner"](None, text)).startswith(said)  # type: ignore[arg-type]  # nothing is asked of the context


# -- z3 ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "said"), [
    ("(declare-const x Int)\n(assert (= (+ x 2) 5))\n(check-sat)\n(get-model)", "sat\nx = 3"),
    ("```smt2\n(declare-const x Int)\n(assert (> x 1))\n(assert (! (< x 1) :named low))\n```",
     "unsat\nthese contradict each other:\nassertion-1: (> x 1)\nlow: (< x 1)"),
    ('(include "/etc/passwd")', "error: line 1: the command include is not allowed"),
    ("(assert (> y 1))", "error: invalid: unknown constant y"),
])
async def test_constraints_are_decided(text: str, said: str):
    assert (await observed("z3", text)).startswith(said)


# -- fetch -------------------------------------------------------------------------------------------------------------------


class Pages(BaseHTTPRequestHandler):
    """A small site."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        pages: dict[str, tuple[int, dict[str, str], bytes]] = {
            "/docs/a": (200, {"content-type": "text/html; charset=utf-8"},
                "<head><title>x</title><body><p>Grüße<script>no</script><p>two".encode()),
            "/docs/plain": (200, {"content-type": "text/plain"}, b"plain"),
            "/docs/there": (302, {"location": "/docs/plain"}, b""),
            "/docs/away": (302, {"location": "/secret"}, b""),
            "/docs/elsewhere": (302, {"location": "http://169.254.169.254/latest"}, b""),
            "/docs/broken": (302, {"location": "http://[x/docs/"}, b""),
            "/docs/round": (302, {"location": "/docs/round"}, b""),
            "/docs/big": (200, {"content-type": "text/plain"}, b"x" * 50_000),
            "/docs/picture": (200, {"content-type": "image/png"}, b"\x89PNG"),
            "/docs/zip": (200, {"content-type": "text/plain", "content-encoding": "gzip"}, b"\x1f\x8b"),
            "/docs/host": (200, {"content-type": "text/plain"}, str(self.headers["host"]).encode()),
            "/secret": (200, {"content-type": "text/plain"}, b"secret"),
        }
        if self.path == "/docs/slow":
            self.server.stopping.wait(10)  # type: ignore[attr-defined]
        status, headers, body = pages.get(self.path, (404, {"content-type": "text/plain"}, b"nothing here"))
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.stopping = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.stopping.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


@pytest.fixture
async def allowed(site: str) -> None:
    configure_fetch(FetchSettings(allow=[f"{site}/docs/"], private=["127.0.0.0/8"], bytes=10_000, seconds=1))


async def test_fetching_is_off_until_the_operator_lists_addresses(site: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("EUDOXUS_FETCH_ALLOW", raising=False)
    assert (await observed("fetch", f"{site}/docs/a")).startswith("error: fetching is off here")


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(("path", "said"), [
    ("/docs/a", "Grüße\ntwo"), ("/docs/plain", "plain"), ("/docs/there", "plain"), ("/docs/nothing", "error: the server answered 404"),
    ("/docs/away", "error: this address is not allowed"), ("/docs/elsewhere", "error: this address is not allowed"),
    ("/docs/broken", "error: "), ("/docs/round", "error: more than 3 redirects"), ("/docs/picture", "error: not a page of text: image/png"),
    ("/docs/zip", "error: not a page of text"), ("/docs/slow", "error: no whole page within 1 seconds"),
    ("/secret", "error: this address is not allowed"), ("/docs/../secret", "error: addresses with /../"),
    ("/docs/%2e%2e/secret", "error: addresses with /../"), ("/docs/..%2fsecret", "error: addresses with /../"),
    ("/docsx", "error: this address is not allowed"),
])
async def test_only_listed_pages_of_text_are_read(site: str, path: str, said: str):
    assert (await observed("fetch", site + path)).startswith(said)


@pytest.mark.usefixtures("allowed")
async def test_a_long_page_is_cut(site: str):
    found = await Fetch(url=f"{site}/docs/big").run()
    assert found.cut and len(found.text) == 10_000
    assert (await observed("fetch", f"{site}/docs/big")).count("x") == 4_000


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("url", [
    "file:///etc/passwd", "http://127.0.0.1/docs/a", "https://127.0.0.1/docs/a", "HTTP://user@127.0.0.1/docs/", "//127.0.0.1/docs/", "",
    "http://[::1]/docs/", "http://127.0.0.1:99999/docs/", "http://127.0.0.1\\@example.org/", "http://exa mple.org/", "gopher://x/",
    "x" * 5000,
])
async def test_whatever_else_an_address_is_it_is_refused(url: str):
    assert (await Fetch(url=url).run()).status == "refused"


async def test_a_listed_name_that_leads_to_a_private_address_is_refused_unless_that_is_listed_too(site: str):
    named = site.replace("127.0.0.1", "localhost")
    configure_fetch(FetchSettings(allow=[f"{named}/docs/"]))
    assert (await Fetch(url=f"{named}/docs/plain").run()).message == "the host has no public address"
    configure_fetch(FetchSettings(allow=[f"{named}/docs/"], private=["127.0.0.1/32"]))
    assert (await Fetch(url=f"{named}/docs/host").run()).text == named.removeprefix("http://")


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "fe80::1", "::ffff:10.0.0.1", "0.0.0.0",
    "224.0.0.1"])
def test_addresses_that_are_not_public_are_not_connected_to(address: str):
    assert not FetchSettings().may_connect(address)
    assert FetchSettings().may_connect("93.184.216.34") and FetchSettings(private=["10.0.0.0/8"]).may_connect("10.2.3.4")


@pytest.mark.parametrize("allow", ["docs.python.org", "https://docs.python.org", "ftp://x/", "https://u@x/", "https:///a/"])
def test_a_list_that_is_not_clear_is_refused(allow: str):
    with pytest.raises(ValidationError):
        FetchSettings(allow=[allow])


@given(st.text(alphabet="<>/pbr script=\"'&;!-aé\n", max_size=100))
def test_no_page_breaks_the_reading_of_its_words(page: str):
    assert isinstance(words_of(page), str)


# -- all of them -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(TOOLS))
async def test_an_input_that_is_too_long_is_an_observation(name: str):
    assert (await TOOLS[name](None, "x" * 10_001)).startswith("error: the input has 10,001 characters")  # type: ignore[arg-type]


async def test_a_request_cannot_name_a_tool_that_is_none():
    for strategy in ("react", "rewoo"):
        with pytest.raises(InvalidParams, match="no tool is called shell; there are calculator, python"):
            await run(f"{strategy}(tools=[shell])", chat("?"), [""])
