"""Parsel programs over HTTP and on the command line, without a model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx2

EVEN = '''
main(n: int) -> str: even or odd
main(2) -> 'even'
  even(n: int) -> bool: whether n is even
  even(2) -> True
    odd(n: int) -> bool: whether n is odd
    odd(3) -> True
      even
  shout(text: str) -> str: in capitals
  shout('a') -> 'A'
'''


def test_http_tells_errors_as_results(http: httpx2.Client):
    said = http.post("/v1/parsel/check", json={"program": EVEN}).json()
    assert (said["object"], said["valid"], said["components"]) == ("parsel.check", True, [["even", "odd"], ["shout"], ["main"]])
    said = http.post("/v1/parsel/check", json={"program": "f(x): d\n  g\n"})
    assert said.status_code == 200
    assert said.json()["errors"] == [{"line": 2, "column": 3, "message": "no function is called g"}]
    assert http.post("/v1/parsel/check", json={"program": "f(x): d", "target": "java"}).status_code in (400, 422)
    assert http.post("/v1/parsel/check", json={}).status_code in (400, 422)


def test_the_command_line_prints_places_or_the_order(tmp_path: Path):
    def eudoxus(*arguments: str, input: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "eudoxus.service.cli", "parsel", "check", *arguments], cwd=tmp_path, input=input,
                              text=True, capture_output=True, timeout=60, check=False)

    tmp_path.joinpath("good.parsel").write_text(EVEN)
    good = eudoxus("good.parsel")
    assert (good.returncode, good.stdout) == (0, "1. even, odd\n2. shout\n3. main\n")
    bad = eudoxus("-", input="f(x): d\n  g\n")
    assert (bad.returncode, bad.stdout) == (2, "-:2:3: no function is called g\n")
    assert json.loads(eudoxus("good.parsel", "--json").stdout)["root"] == "main"
    assert eudoxus("good.parsel", "--target", "java").returncode == 2
    assert eudoxus("missing.parsel").returncode == 2
