"""How a zygote is started: which interpreter, under which user, inside bubblewrap or without."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final, Literal

ENVIRONMENT: Final = {"LD_BIND_NOW": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
SYSTEM_PYTHON: Final = "/usr/bin/python3"
SPARES: Final = 2
"""Children of a zygote that wait for a job. A slot runs one job at a time; the other waits while the first is replaced."""
_FLAGS: Final = ("-P", "-s", "-S")
"""As -I, but that PYTHONHASHSEED is read; the environment holds nothing else of Python's."""
_LIBRARIES: Final = ("/usr/lib", "/usr/lib64", "/lib", "/lib64")
_FILES: Final = ("/dev/urandom", "/etc/ld.so.cache")
_ZONES: Final = "/usr/share/zoneinfo"
_NAMESPACES: Final = ("cgroup", "ipc", "mnt", "net", "pid", "uts")
_FACTS: Final = (
    "import json, sys, sysconfig; p = sysconfig.get_paths(); "
    "print(json.dumps([sys.version_info[:2], sys.base_prefix, [x for x in sys.path if x], sorted({p['purelib'], p['platlib']})]))"
)
_MODULES: Final = (
    "arrays", "codec", "plain", "inside", "inside.blocks", "inside.bundle", "inside.candidate", "inside.judge", "inside.rehearsal",
    "inside.remote", "inside.wire", "inside.zygote", "lockdown", "lockdown.bpf", "lockdown.landlock", "lockdown.process",
    "lockdown.rules", "lockdown.syscalls",
)
_PRELOADED: Final = (
    "abc", "array", "ast", "base64", "bisect", "calendar", "cmath", "collections.abc", "contextlib", "copy", "dataclasses", "datetime",
    "decimal", "enum", "fractions", "functools", "heapq", "itertools", "math", "numbers", "operator", "queue", "random", "re", "statistics",
    "string", "textwrap", "time", "traceback", "types", "typing",
)
"""Not what few programs import and all forks would pay for: hashlib brings OpenSSL with it."""
_BOOTSTRAP: Final = """
import json, os, sys
from importlib.machinery import ModuleSpec

class Sources:
    def __init__(self, sources):
        self.sources = sources
    def find_spec(self, name, path=None, target=None):
        if name in self.sources:
            return ModuleSpec(name, self, origin=name, is_package=self.sources[name][1])
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(compile(self.sources[module.__name__][0], "<" + module.__name__ + ">", "exec"), module.__dict__)

def start(config, jobs, control):
    with open(config, "rb") as file:
        found = json.load(file)
    sys.meta_path.insert(0, Sources(found.pop("sources")))
    # What random and threading would do in every child at once: a job is seeded, and there is but one thread to fork.
    register, os.register_at_fork = os.register_at_fork, lambda **hooks: None
    from eudoxus.sandbox.inside.zygote import main
    os.register_at_fork = register
    main(found, jobs, control)

start(*map(int, sys.argv[1:]))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that a jail can use: its program, folders of the standard library, and folders with installed packages."""

    program: str
    prefix: str
    library: tuple[str, ...]
    site: tuple[str, ...]

    @property
    def numpy(self) -> bool:
        return any(os.path.isdir(os.path.join(folder, "numpy")) for folder in self.site)


@dataclass(frozen=True, slots=True)
class Jail:
    """A way to confine programs that may work on this machine."""

    backend: Literal["bwrap", "lockdown", "wasi", "monty", "unsafe"]
    interpreter: Interpreter
    uid: int | None
    """First of the user ids to run under, when the service is root; None where it is not, and programs run under its own."""
    private: tuple[str, ...] = field(default=())
    """Namespaces that a zygote must not share with the service."""

    @property
    def dedicated_user(self) -> bool:
        """Whether nothing else counts against the processes of the zygote's user: not its own id elsewhere, nor another namespace."""
        return self.uid is not None or self.backend == "bwrap"


@dataclass(slots=True)
class Launched:
    """A process that was just started, and the harness's ends of its two sockets."""

    process: subprocess.Popen[bytes]
    jobs: socket.socket
    control: socket.socket
    errors: BinaryIO
    """What it writes to stderr."""


def own_interpreter() -> Interpreter:
    """The one that runs the service; of its virtual environment only the packages."""
    program = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    paths = sysconfig.get_paths()
    return Interpreter(program, sys.base_prefix, (paths["stdlib"],), _folders((paths["purelib"], paths["platlib"])))


def other_interpreter(program: str, uid: int | None) -> Interpreter:
    """Another one, asked under the user that is to use it. Raises OSError or ValueError, which says what is wrong with it."""
    who = {"user": uid, "group": uid, "extra_groups": []} if uid is not None else {}
    try:
        asked = subprocess.run(  # noqa: S603  (a fixed command)
            [program, "-I", "-S", "-c", _FACTS], capture_output=True, timeout=5, check=True, cwd="/", env={}, **who  # type: ignore[call-overload]
        )
        version, prefix, library, site = json.loads(asked.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise ValueError(f"{program} does not start for user {uid if uid is not None else os.getuid()}: {error}") from None
    if tuple(version) < (3, 11):
        raise ValueError(f"{program} is Python {version[0]}.{version[1]}, and 3.11 or newer is needed")
    if prefix == "/usr":  # where Debian keeps the packages
        site = ["/usr/lib/python3/dist-packages", *site]
    return Interpreter(os.path.realpath(program), prefix, tuple(path for path in library if os.path.isdir(path)), _folders(site))


def readable_by(interpreter: Interpreter, uid: int | None) -> bool:
    """Whether the user can start it, found out by starting it."""
    try:
        return bool(other_interpreter(interpreter.program, uid))
    except (OSError, ValueError):
        return False


def bubblewrap() -> str | None:
    """The program, if it is installed."""
    return shutil.which("bwrap", path=os.environ.get("PATH", os.defpath) + ":/usr/bin:/bin")


def private_namespaces() -> tuple[str, ...]:
    """What bubblewrap makes private: root needs no user namespace, and becomes another user instead."""
    return _NAMESPACES if os.geteuid() == 0 else (*_NAMESPACES, "user")


def launch(jail: Jail, *, uid: int | None, numpy: bool) -> Launched:
    """Start a zygote under the user id ``uid`` (None: the service's own). Raises OSError. It waits for ``GO``."""
    ours, theirs = zip(*(socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)), strict=True)
    config = os.memfd_create("config")
    errors = os.fdopen(os.memfd_create("errors"), "r+b", 0)
    try:
        os.write(config, _config(jail, uid, numpy))
        os.lseek(config, 0, os.SEEK_SET)
        descriptors = (config, *(end.fileno() for end in theirs))
        command = [jail.interpreter.program, *_FLAGS, "-c", _BOOTSTRAP, *map(str, descriptors)]
        if jail.backend == "bwrap":
            command = [*_bubblewrapped(jail.interpreter), *command]
        process = subprocess.Popen(  # noqa: S603
            command, env=ENVIRONMENT, cwd="/", pass_fds=descriptors, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
        )
    except BaseException:
        for end in (*ours, errors):
            end.close()
        raise
    finally:
        os.close(config)
        for end in theirs:
            end.close()
    return Launched(process, ours[0], ours[1], errors)


def shared_namespaces(pid: int, private: Sequence[str]) -> list[str]:
    """Those of ``private`` that the process shares with this one, or that cannot be told."""
    shared = []
    for name in private:
        try:
            if os.readlink(f"/proc/{pid}/ns/{name}") == os.readlink(f"/proc/self/ns/{name}"):
                shared.append(name)
        except OSError:
            shared.append(name)
    return shared


def _config(jail: Jail, uid: int | None, numpy: bool) -> bytes:
    interpreter = jail.interpreter
    preload = (*_PRELOADED, "numpy") if numpy else _PRELOADED
    read = [*interpreter.library, *interpreter.site, *_LIBRARIES, _ZONES]
    config = {
        "confined": jail.backend != "unsafe", "uid": uid, "spares": SPARES, "site": interpreter.site, "preload": preload,
        "read": _outermost([path for path in read if os.path.isdir(path)]), "files": [path for path in _FILES if os.path.exists(path)],
        "sources": sources(),
    }
    return json.dumps(config).encode()


@cache
def sources(names: Sequence[str] = _MODULES) -> dict[str, tuple[str, bool]]:
    """The text of each module that runs in the jail, and whether it is a package: the jail's user need not be able to read our files."""
    here = Path(__file__).parent
    found: dict[str, tuple[str, bool]] = {"eudoxus": ("", True), "eudoxus.sandbox": ("", True)}
    for name in names:
        path = here.joinpath(*name.split("."))
        package = path.is_dir()
        file = path / "__init__.py" if package else path.with_suffix(".py")
        if file.exists():
            found[f"eudoxus.sandbox.{name}"] = (file.read_text("utf-8"), package)
    return found


def _bubblewrapped(interpreter: Interpreter) -> list[str]:
    """The command that runs what follows it in namespaces of its own, where only Python's files are."""
    command = [bubblewrap() or "bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup"]
    if os.geteuid() == 0:
        for capability in ("SETUID", "SETGID", "SETPCAP"):
            command += ["--cap-add", f"CAP_{capability}"]
        command[1:1] = ["--cap-drop", "ALL"]
    else:
        command.append("--unshare-user")
    command += ["--die-with-parent", "--new-session", "--clearenv"]
    for name, value in ENVIRONMENT.items():
        command += ["--setenv", name, value]
    folders = [interpreter.prefix] if interpreter.prefix != "/usr" else []
    bound = _outermost([*folders, *interpreter.library, *interpreter.site, *_LIBRARIES, _ZONES])
    for parent in sorted({str(parent) for path in (*bound, interpreter.program, *_FILES) for parent in Path(path).parents} - {"/"}):
        command += ["--perms", "0755", "--dir", parent]
    for path in bound:
        command += ["--ro-bind-try", path, path]
    if not interpreter.program.startswith(tuple(f"{folder}/" for folder in folders)):
        command += ["--ro-bind", interpreter.program, interpreter.program]
    command += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for device in ("/dev/null", "/dev/urandom"):
        command += ["--dev-bind", device, device]
    return [*command, "--remount-ro", "/", "--chdir", "/", "--"]


def _outermost(paths: Sequence[str]) -> list[str]:
    """The paths without those that lie below another of them."""
    kept: list[str] = []
    for path in sorted(dict.fromkeys(paths), key=len):
        if not any(path.startswith(f"{outer}/") for outer in kept):
            kept.append(path)
    return kept


def _folders(paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for path in paths if os.path.isdir(path)))
