"""The pool of slots: a bounded queue with a fair share for each caller, modes, retries and matrices."""

from __future__ import annotations

from collections.abc import Sequence

from eudoxus.sandbox.model import Case, Limits, MatrixResult, Mode, Program, RunResult, SandboxReport, SandboxSettings, Test, Trace


class Sandbox:
    """Runs programs on tests. One per event loop; open it with :meth:`open` and close it with :meth:`aclose`."""

    @classmethod
    async def open(cls, settings: SandboxSettings | None = None) -> Sandbox:
        """Find out by trying how programs are isolated here. Raises :class:`SandboxUnavailable`."""
        raise NotImplementedError

    async def run(
        self,
        program: Program,
        tests: Sequence[Test] = (),
        cases: Sequence[Case] = (),
        *,
        mode: Mode = "split",
        limits: Limits = Limits(),
        trace: Trace | None = None,
        seed: int = 0,
        caller: str = "",
    ) -> RunResult:
        """Run a program on tests or cases; whatever it does is a result. Raises :class:`SandboxBusy`, :class:`InvalidRequest`."""
        raise NotImplementedError

    async def run_matrix(
        self,
        programs: Sequence[Program],
        tests: Sequence[Test] = (),
        cases: Sequence[Case] = (),
        *,
        mode: Mode = "io",
        limits: Limits = Limits(),
        budget_s: float = 60.0,
        seed: int = 0,
        caller: str = "",
    ) -> MatrixResult:
        """Run each program on all tests or cases, for at most ``budget_s`` seconds. Raises as :meth:`run`."""
        raise NotImplementedError

    def report(self) -> SandboxReport:
        """The level, and the self-test's table."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """End everything; runs in flight are cancelled."""
        raise NotImplementedError


async def shared(settings: SandboxSettings | None = None) -> Sandbox:
    """The sandbox of this event loop, opened by the first that asks. Raises :class:`SandboxUnavailable`."""
    raise NotImplementedError


async def close_shared() -> None:
    """Close the shared sandbox, if it is open; the next that asks opens it again."""
    raise NotImplementedError
