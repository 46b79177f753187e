"""Recorded pools: real completions that answer as their model would, so that what chooses among them is evaluated at no cost.

``pool:NAME`` answers a sample's k-th request for a program with the pool's next completion for that task. Sample s begins at completion
``s · n``, where n is what its first request asks for; so ``direct`` with 100 samples, and ``best_of_n(n=10)`` with 10, see each completion
once. Requests for tests are answered with the recorded tests. What the pool does not hold is an error, never an invention.
"""

from __future__ import annotations

import ast
import asyncio
import os
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eudoxus.evaluation import evalplus_results
from eudoxus.evaluation.catalogue_bbh import SHA256
from eudoxus.evaluation.files import document, local, rows, text_of
from eudoxus.evaluation.formats.humaneval import whole_program
from eudoxus.evaluation.records import Key, key_of_run
from eudoxus.runtime import ChatRequest, Completion, Response
from eudoxus.runtime.endpoints import Call, Capabilities, Health
from eudoxus.runtime.endpoints.usage import estimated_usage
from eudoxus.runtime.errors import InvalidRequest, NoAnswerRecorded

STOP = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
"""Where a completion of a base model ends (Chen et al. 2021, §3.1)."""
MOST_TESTS = 64
"""The most that a strategy asks for."""
TESTS_PER_SAMPLE = 5
"""Of each recorded test sample, as in CodeT (Chen et al. 2022, arXiv 2207.10397, §3)."""
RUNS_REMEMBERED = 4096
_ANSWERED = ("", "code/write", "induction/direct_grid", "hypothesis_search/program", "hypothesis_search/program_only")
"""Prompts that ask for an answer to the task, those of the tasks themselves, or for a program that makes one."""
_RULE_PROMPT = "hypothesis_search/hypothesis"
_TEST_PROMPTS = ("code/tests", "code/tests_again")
_ASSERT = re.compile(r"^assert\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pool:
    """Recorded completions by task."""

    name: str
    replies: Mapping[str, Sequence[str]]
    """Task id → replies, in the order recorded."""
    tests: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Task id → asserts that the model wrote."""
    rules: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Task id → rules in words that the programs follow."""


@dataclass(slots=True)
class _Run:
    """Which completions a sample has had."""

    begin: int | None = None
    given: int = 0
    paths: dict[str, int] = field(default_factory=dict)


class PoolEndpoint:
    """Answers the samples of an evaluation from recorded pools; the model's name is the pool's."""

    name = "pool"
    capabilities = Capabilities(logprobs=False, tools=False, json_schema=False)

    def __init__(self, pools: Mapping[str, Pool] | None = None, files: Mapping[str, Path] | None = None) -> None:
        """``pools``: such as are loaded; ``files``: samples files by pool name, for :func:`from_samples`."""
        self._pools = dict(pools or {})
        self._files = dict(files or {})
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._loading = asyncio.Lock()
        self.default_model: str | None = None

    def pool(self, name: str) -> Pool:
        """The pool called ``name``, loaded when it is first wanted. Raises :class:`InvalidRequest`."""
        if name not in self._pools:
            self._pools[name] = from_samples(name, self._files[name]) if name in self._files else load(name)
        return self._pools[name]

    async def complete(self, model: str, request: ChatRequest, n: int, call: Call) -> Response:
        """The next ``n`` recorded answers for the sample behind ``call``. Raises :class:`NoAnswerRecorded`."""
        self.capabilities.admit(request, self.name)
        key = key_of_run(call.run_id)
        try:
            pool = self._pools.get(model) or await self._loaded(model)
        except InvalidRequest as error:
            raise NoAnswerRecorded(str(error), endpoint=self.name) from None
        if key is None:
            said = f"the pool {model!r} answers the samples of an evaluation, and {call.run_id!r} is none"
            raise NoAnswerRecorded(said, endpoint=self.name)
        prompt = (request.prompt or "").partition("@")[0]
        if prompt in _TEST_PROMPTS:
            texts = [_tests(pool, key)] * n
        elif prompt == _RULE_PROMPT:
            texts = _rules(pool, key, n)
        elif prompt in _ANSWERED:
            texts = self._next(pool, key, n, call)
        else:
            raise NoAnswerRecorded(f"the pool {model!r} holds answers to tasks, and none to the prompt {prompt}", endpoint=self.name)
        answers = tuple(Completion(text=text) for text in texts)
        if call.on_delta and n == 1:
            call.on_delta(texts[0])
        return Response(completions=answers, usage=estimated_usage(request, answers), model=model)

    async def _loaded(self, name: str) -> Pool:
        """A pool is some MB of packed text: read off the event loop, by the first that wants it."""
        async with self._loading:
            return await asyncio.to_thread(self.pool, name)

    def _next(self, pool: Pool, key: Key, n: int, call: Call) -> list[str]:
        replies = pool.replies.get(key[0])
        if replies is None:
            raise NoAnswerRecorded(f"the pool {pool.name!r} holds nothing for {key[0]}", endpoint=self.name)
        run = self._runs.setdefault(call.run_id, _Run())
        self._runs.move_to_end(call.run_id)
        if len(self._runs) > RUNS_REMEMBERED:
            self._runs.popitem(last=False)
        if run.begin is None:
            run.begin = key[1] * n
        start = run.paths.setdefault(call.path, run.begin + run.given)
        if start == run.begin + run.given:
            run.given += n
        if start + n > len(replies):
            raise NoAnswerRecorded(
                f"the pool {pool.name!r} holds {len(replies)} answers for {key[0]}; sample {key[1]} asks for number {start + n}",
                endpoint=self.name)
        return list(replies[start : start + n])

    def price(self, model: str, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float | None:
        return 0.0

    async def models(self) -> list[str]:
        return [*POOLS, *self._files]

    async def check(self) -> Health:
        return Health(self.name, ok=True, detail="answers the samples of evaluations from recordings", models=await self.models())

    async def aclose(self) -> None:
        """It holds nothing."""


def _tests(pool: Pool, key: Key) -> str:
    found = pool.tests.get(key[0])
    if found is None:
        raise NoAnswerRecorded(f"the pool {pool.name!r} holds no tests for {key[0]}", endpoint="pool")
    return "```python\n" + "\n".join(found) + "\n```"


def _rules(pool: Pool, key: Key, n: int) -> list[str]:
    found = list(pool.rules.get(key[0], ()))[:n]
    if len(found) < n:
        raise NoAnswerRecorded(f"the pool {pool.name!r} holds {len(found)} rules for {key[0]}, and not {n}", endpoint="pool")
    return found


# -- pools that are known --------------------------------------------------------------------------------------------------


def from_samples(name: str, path: Path) -> Pool:
    """A pool of a samples file, ``task_id`` and ``completion``, ``solution`` or ``reply``, or of EvalPlus' results.

    Raises :class:`InvalidRequest`.
    """
    replies: dict[str, list[str]] = {}
    content = local(path)
    if evalplus_results.looks_so(content):
        for result in evalplus_results.read(content):
            replies.setdefault(result.task, []).append(result.solution)
        return Pool(name, replies)
    for number, row in enumerate(rows(content), start=1):
        at = f"{path}, row {number}"
        text = text_of(row, "reply", "solution", "completion", at=at)
        replies.setdefault(text_of(row, "task_id", at=at), []).append(text)
    if not replies:
        raise InvalidRequest(f"{path} holds no sample", param="pool")
    return Pool(name, replies)


def load(name: str) -> Pool:
    """A pool by its name, from ``EUDOXUS_DATA``. Raises :class:`InvalidRequest` when it is unknown or not there."""
    if name not in POOLS:
        raise InvalidRequest(f"no pool is called {name!r}; known: {', '.join(POOLS)}; --pool NAME=FILE adds one", param="pool")
    root = Path(os.environ.get("EUDOXUS_DATA", "/nowhere"), "code")
    try:
        return POOLS[name](root)
    except InvalidRequest as error:
        raise InvalidRequest(f"the pool {name!r} is not here: {error}; EUDOXUS_DATA must point at the recordings", param="pool") from None


def _codegen16b(root: Path) -> Pool:
    """CodeGen-16B on HumanEval, 100 programs and 100 test samples for each task (recorded by the authors of CodeT)."""
    folder = root / "codet_humaneval_codegen16b"
    wanted = {row["prompt"]: row for row in rows(local(folder / "HumanEval_for_code_generation.jsonl.gz"))}
    asked = {row["prompt"]: row for row in rows(local(folder / "HumanEval_for_test_case_generation.jsonl.gz"))}
    replies = {
        wanted[row["prompt"]]["task_id"]: [_fenced(row["prompt"] + stopped(text)) for text in row["samples"]]
        for row in rows(local(folder / "code_solution.jsonl.gz"))
    }
    tests = {
        asked[row["prompt"]]["task_id"]: asserts(row["samples"], asked[row["prompt"]]["entry_point"])
        for row in rows(local(folder / "test_case.jsonl.gz"))
    }
    return Pool("codegen16b", replies, tests)


def _ldb_seeds(root: Path) -> Pool:
    """One program each by GPT-4-1106, GPT-4, GPT-3.5-0613, CodeLlama-34B and StarCoder on HumanEval (recorded by the authors of LDB)."""
    replies: dict[str, list[str]] = {}
    for model in ("gpt-4-1106-preview", "reflexion", "gpt-3.5-turbo-0613", "codellama", "starcoder"):
        for row in rows(local(root / "ldb" / f"seed_humaneval_{model}.jsonl.gz")):
            replies.setdefault(row["task_id"], []).append(_fenced(whole_program(row["prompt"], row["entry_point"], row["solution"])))
    return Pool("ldb_seeds", replies)


def _davinci002(root: Path) -> Pool:
    """code-davinci-002 on eight tasks of BIG-Bench Hard, one chain of thought each (recorded by the benchmark's authors)."""
    replies: dict[str, list[str]] = {}
    for path in sorted((root / "bbh_code_davinci_002").glob("*_cot.json.gz")):
        task = path.name.removesuffix("_cot.json.gz")
        if task in SHA256:
            for number, row in enumerate(document(local(path))["outputs"]):
                replies[f"{task}/{number}"] = [row["prediction"].strip()]
    if not replies:
        raise InvalidRequest(f"{root / 'bbh_code_davinci_002'} holds no recording", param="pool")
    return Pool("davinci002", replies)


def _hypothesis_search(root: Path) -> Pool:
    """The programs that Hypothesis Search with GPT-4-0613 ended with on 94 tasks of ARC, and their rules (recorded by its authors)."""
    found = list(rows(local(root / "hypothesis_search" / "selected_programs_gpt4_0613.jsonl.gz")))
    return Pool("hypothesis_search", {row["arc_id"]: [_fenced(row["program"])] for row in found},
                rules={row["arc_id"]: [row["hypothesis"]] for row in found})


POOLS: dict[str, Callable[[Path], Pool]] = {
    "codegen16b": _codegen16b, "ldb_seeds": _ldb_seeds, "davinci002": _davinci002, "hypothesis_search": _hypothesis_search}


def stopped(text: str) -> str:
    """A completion of a base model, cut where it goes on to something else."""
    ends = [at for stop in STOP if (at := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text


def asserts(samples: Sequence[str], entry: str) -> list[str]:
    """The first different asserts in test samples, which continue a prompt that ends in ``assert``; at most five of each sample."""
    found: dict[str, None] = {}
    for sample in samples:
        pieces = _ASSERT.split(sample)
        for piece in pieces[:TESTS_PER_SAMPLE]:
            line = "assert " + piece.strip()
            if entry in line and _compiles(line):
                found[line] = None
        if len(found) >= MOST_TESTS:
            break
    return list(found)[:MOST_TESTS]


def _compiles(line: str) -> bool:
    try:
        return len(ast.parse(line).body) == 1
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _fenced(program: str) -> str:
    return f"```python\n{program.rstrip()}\n```"
