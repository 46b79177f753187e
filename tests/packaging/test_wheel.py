"""What is built and installed is whole, and takes no other package's name."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
BUILD = "from setuptools import build_meta as b; import sys; print(getattr(b, 'build_' + sys.argv[1])(sys.argv[2]))"

pytestmark = pytest.mark.slow


def built(kind: str, sources: Path, into: Path) -> Path:
    into.mkdir(parents=True, exist_ok=True)
    build = [sys.executable, "-c", BUILD, kind, str(into)]
    done = subprocess.run(build, cwd=sources, check=True, capture_output=True, text=True, timeout=120)
    return into / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files that git knows: building writes beside the sources."""
    copy = tmp_path_factory.mktemp("sources")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("needs a git checkout")
    for name in listed.stdout.splitlines():
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    return copy


@pytest.fixture(scope="module")
def installed(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The python of an environment with our wheel and, behind it, the dependencies of this one."""
    folder = tmp_path_factory.mktemp("installed")
    sdist = built("sdist", sources, folder)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    wheel = built("wheel", next((folder / "unpacked").iterdir()), folder)
    venv.create(folder / "venv", with_pip=False)
    site = next((folder / "venv/lib").glob("python3*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "venv/bin/python"


def run(python: Path, code: str) -> str:
    done = subprocess.run([python, "-c", code], cwd=python.parent, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_wheel_built_from_the_source_archive_holds_every_package_and_file(installed: Path):
    said = run(installed, """
import eudoxus.service.app, eudoxus.planners, eudoxus.agents.operators.vote, eudoxus.runtime as r
from eudoxus.prompts import listed
from eudoxus.runtime import Registry
from eudoxus.decoding.local.loading import directory_of
weights = [*directory_of("tiny").iterdir(), *directory_of("tiny-weak").iterdir()]
print(r.__file__, len(listed()), len(Registry.installed().strategies), len(weights), sep="\\n")
""").split("\n")
    prompts = list((ROOT / "prompts").rglob("*.md"))
    assert "venv" in said[0]
    assert int(said[1]) == len(prompts)
    assert int(said[2]) >= 12
    assert int(said[3]) == len(list((ROOT / "decoding/tiny/weights").glob("*/*")))


def test_no_folder_of_ours_becomes_a_top_level_package(installed: Path):
    names = ["service", "agents", "planners", "prompts", "runtime", "tests", "benchmarks", "docker"]
    said = run(installed, f"import importlib.util as u; print([n for n in {names} if u.find_spec(n)])")
    assert said.strip() == "[]"


def test_the_installed_command_plans_the_shipped_task(installed: Path, tmp_path: Path):
    code = "import sys; sys.argv = ['eudoxus', 'demo', '--json']; from eudoxus.service.cli import main; main()"
    done = subprocess.run([installed, "-c", code], env={"EUDOXUS_DATA_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}, cwd=tmp_path,
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert '"verified"' in done.stdout
