"""What Landlock leaves of the file system, TCP, signals and abstract sockets, for each ABI that the kernel can play."""

import errno
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from eudoxus.sandbox import lockdown
from eudoxus.sandbox.lockdown import Ruleset, landlock

from .throwaway import AS_ROOT, Told, as_child, as_zygote, attempt, bystander, unprivileged

pytestmark = pytest.mark.skipif(lockdown.abi() == 0, reason="this kernel has no Landlock, or it is switched off")
ABIS = range(1, min(lockdown.abi(), landlock.NEWEST_ABI) + 1)
DENIED = Told(errno=errno.EACCES)
WHO = (lambda: None, unprivileged) if AS_ROOT else (lambda: None,)


def since(abi: int) -> pytest.MarkDecorator:
    return pytest.mark.skipif(lockdown.abi() < abi, reason=f"needs Landlock ABI {abi}, the kernel has {lockdown.abi()}")


class Place(NamedTuple):
    """A folder to read with a file in it, another folder with a secret, a file to write, a scratch folder."""

    library: Path
    secret: Path
    log: Path
    scratch: Path

    def under(self, *, scratch: bool = True, abi: int | None = None) -> Callable[[], None]:
        """The lock: these grants and nothing else."""

        def restrict() -> None:
            folder = str(self.scratch) if scratch else None
            with Ruleset.open([str(self.library)], ["/dev/urandom"], ["/dev/null", str(self.log)], folder, abi=abi) as rules:
                lockdown.no_new_privileges()
                rules.restrict()

        return restrict


@pytest.fixture
def place() -> Iterator[Place]:
    folder = Path(tempfile.mkdtemp())
    made = Place(folder / "library", folder / "secret", folder / "log", folder / "scratch")
    made.library.mkdir()
    (made.library / "module.py").write_text("x = 1")
    made.secret.write_text("key")
    made.log.write_text("")
    made.scratch.mkdir()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777)  # so that Landlock alone refuses
    yield made
    shutil.rmtree(folder)


@pytest.mark.parametrize("abi", ABIS)
@pytest.mark.parametrize("who", WHO)
def test_only_what_is_granted_can_be_opened(place: Place, abi: int, who: Callable[[], None]):
    lock = place.under(abi=abi)
    assert attempt((place.library / "module.py").read_text, who, lock).value == "x = 1"
    assert attempt(lambda: os.listdir(place.library), who, lock).value == ["module.py"]
    assert attempt(lambda: len(os.read(os.open("/dev/urandom", os.O_RDONLY), 3)), who, lock).value == 3
    assert attempt(lambda: Path("/dev/null").write_text("x"), who, lock).value == 1
    forbidden: tuple[Callable[[], Any], ...] = (
        place.secret.read_text,
        lambda: place.secret.open("r+").close(),
        lambda: len(os.listdir(place.secret.parent)),
        lambda: (place.library / "module.py").open("r+").close(),
        lambda: (place.library / "new.py").touch(),
        lambda: (place.library / "new").mkdir(),
        (place.library / "module.py").unlink,
        lambda: str((place.library / "module.py").rename(place.library / "other.py")),
        lambda: len(Path("/proc/self/environ").read_bytes()),
        lambda: len(os.listdir("/")),
        lambda: os.close(os.open("/dev/zero", os.O_RDONLY)),
        lambda: (place.scratch / "link").symlink_to(place.secret),
        lambda: os.mkfifo(place.scratch / "fifo"),
        lambda: socket.socket(socket.AF_UNIX).bind(str(place.scratch / "socket")),
    )
    for act in forbidden:
        assert attempt(act, who, lock) == DENIED
    for act in forbidden[:3]:
        assert attempt(act, who).errno == 0  # the power of the check


def test_without_landlock_the_same_acts_succeed(place: Place):
    assert attempt(lambda: (place.library / "new.py").touch(), unprivileged) == Told()
    assert attempt(lambda: (place.scratch / "link").symlink_to(place.secret), unprivileged) == Told()
    assert attempt(lambda: os.mkfifo(place.scratch / "fifo"), unprivileged) == Told()
    assert attempt(lambda: socket.socket(socket.AF_UNIX).bind(str(place.scratch / "socket")), unprivileged) == Told()
    assert attempt((place.library / "new.py").unlink, unprivileged) == Told()


@pytest.mark.parametrize("abi", ABIS)
def test_a_scratch_folder_is_for_files_and_folders_only(place: Place, abi: int):
    def work() -> list[str]:
        folder = place.scratch / "folder"
        folder.mkdir()
        (folder / "a").write_text("one")
        (folder / "a").write_text("two")
        (folder / "a").rename(folder / "b")
        (folder / "b").unlink()
        folder.rmdir()
        (place.scratch / "kept").write_text("kept")
        return os.listdir(place.scratch)

    assert attempt(work, unprivileged, place.under(abi=abi)).value == ["kept"]
    assert attempt(work, unprivileged, place.under(scratch=False, abi=abi)) == DENIED
    out = attempt(lambda: str((place.scratch / "kept").rename(place.library / "kept")), place.under(abi=abi))
    assert out.errno in (errno.EXDEV, errno.EACCES)
    linked = attempt(lambda: os.link(place.secret, place.scratch / "secret"), place.under(abi=abi))
    assert linked.errno in (errno.EXDEV, errno.EACCES)
    if abi >= 2:
        move = attempt(lambda: _move_between(place.scratch), unprivileged, place.under(abi=abi))
        assert move == Told()


def _move_between(folder: Path) -> None:
    (folder / "from").mkdir()
    (folder / "to").mkdir()
    (folder / "from" / "file").touch()
    (folder / "from" / "file").rename(folder / "to" / "file")


def test_a_granted_file_can_be_written_and_emptied(place: Place):
    assert attempt(lambda: place.log.write_text("line"), unprivileged, place.under()).value == 4
    assert attempt(lambda: place.log.write_text("x"), unprivileged, place.under()).value == 1
    assert place.log.read_text() == "x"


def test_nothing_can_be_executed(place: Place):
    program = place.library / "program"
    program.write_bytes(Path("/bin/true").read_bytes())
    program.chmod(0o755)

    def execute() -> int:
        return subprocess.run([program], check=True).returncode

    assert attempt(execute) == Told(value=0)
    assert attempt(execute, place.under()) == DENIED


def test_before_abi_3_only_the_filter_keeps_a_readable_file_from_being_emptied(place: Place):
    path = place.library / "module.py"
    for act in (lambda: os.truncate(path, 0), lambda: os.close(os.open(path, os.O_RDONLY | os.O_TRUNC))):
        if lockdown.abi() >= 3:
            assert attempt(act, unprivileged, place.under()) == DENIED
        if lockdown.seccomp_available():
            assert attempt(act, unprivileged, place.under(abi=1), as_child) == Told(errno=errno.EPERM)
        assert path.read_text() == "x = 1"
        assert attempt(act, unprivileged, place.under(abi=min(2, lockdown.abi()))) == Told()
        assert path.read_text() == ""
        path.write_text("x = 1")


@since(4)
def test_tcp_is_shut(place: Place):
    def bind() -> None:
        socket.socket().bind(("127.0.0.1", 0))

    with socket.create_server(("127.0.0.1", 0)) as server:
        def connect() -> None:
            socket.create_connection(server.getsockname(), timeout=5).close()

        for act in (bind, connect):
            assert attempt(act, place.under()) == DENIED
            assert attempt(act, place.under(abi=3)) == Told()


@since(5)
def test_devices_take_no_commands(place: Place):
    def command() -> int:
        import fcntl

        with Path("/dev/null").open("rb") as null:
            return fcntl.ioctl(null, 0x127B, b"\0" * 4) != b""  # one that /dev/null does not know

    assert attempt(command, place.under()) == DENIED
    assert attempt(command, place.under(abi=4)).errno == errno.ENOTTY


@since(6)
def test_signals_and_abstract_sockets_do_not_leave(place: Place):
    with bystander() as other, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0eudoxus-{os.getpid()}")
        server.listen(1)

        def connect() -> None:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(server.getsockname())

        for act in (connect, lambda: os.kill(other, 0)):
            assert attempt(act, place.under()) == Told(errno=errno.EPERM)
            assert attempt(act, place.under(abi=5)) == Told()
    assert attempt(lambda: os.kill(os.getpid(), 0), place.under()) == Told()


def test_a_ruleset_opened_in_the_zygote_confines_its_children_only(place: Place):
    def serve() -> list[int]:
        rules = Ruleset.open([str(place.library)], [], [], None)
        as_zygote()
        inside = attempt(place.secret.read_text, rules.restrict)
        outside = attempt(place.secret.read_text)
        rules.close()
        return [inside.errno, outside.errno]

    assert attempt(serve, unprivileged).value == [errno.EACCES, 0]


@since(landlock.NEWEST_ABI)
def test_a_path_that_is_absent_gets_no_rule_and_a_newer_abi_is_cut(place: Place):
    with Ruleset.open([str(place.library), "/no/such/folder", f"{place.secret}/below"], [], [], None, abi=99) as rules:
        assert rules.absent == ("/no/such/folder", f"{place.secret}/below")
        assert rules.abi == landlock.NEWEST_ABI


def test_a_file_among_the_folders_gets_the_rights_of_a_file(place: Place):
    def lock() -> None:
        with Ruleset.open([str(place.secret)], [], [], str(place.log)) as rules:
            lockdown.no_new_privileges()
            rules.restrict()

    assert attempt(place.secret.read_text, unprivileged, lock).value == "key"


def test_a_ruleset_that_cannot_be_made_or_used_is_an_error(place: Place, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(lockdown.NotConfined, match=r"landlock: ") as refused:
        Ruleset.open([], [], [], None, abi=0)
    assert refused.value.errno == errno.ENOSYS
    with pytest.raises(lockdown.NotConfined, match="landlock rule for"):
        Ruleset.open(["x" * 5000], [], [], None)

    def without_no_new_privileges() -> None:
        with Ruleset.open([], [], [], None) as rules:
            rules.restrict()

    assert attempt(without_no_new_privileges, unprivileged).errno == errno.EPERM
    monkeypatch.setattr(landlock, "_OF_FILES", 0xFFFF)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(lockdown.NotConfined, match="landlock rule for"):
        Ruleset.open([str(place.secret)], [], [], None)  # rights of folders on a file
    assert len(os.listdir("/proc/self/fd")) == before


def test_where_landlock_is_refused_from_outside_the_abi_is_0():
    if lockdown.seccomp_available():
        assert attempt(lockdown.abi, as_child).value == 0


def test_the_rights_are_those_of_the_kernel_header():
    header = Path("/usr/include/linux/landlock.h")
    if not header.exists():
        pytest.skip(f"{header} is not installed")
    text = header.read_text()
    for name in ("EXECUTE", "WRITE_FILE", "READ_FILE", "READ_DIR", "REMOVE_DIR", "REMOVE_FILE", "MAKE_CHAR", "MAKE_DIR", "MAKE_REG",
                 "MAKE_SOCK", "MAKE_FIFO", "MAKE_BLOCK", "MAKE_SYM", "REFER", "TRUNCATE", "IOCTL_DEV"):
        line = next((line.split() for line in text.splitlines() if line.startswith(f"#define LANDLOCK_ACCESS_FS_{name}\t")), None)
        if line is not None:
            bit = int("".join(line[2:]).removeprefix("(1ULL<<").removesuffix(")"))
            assert getattr(landlock, name) == 1 << bit
