"""An endpoint that answers from recorded journals, by the content of the request; no model is asked."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eudoxus.runtime.canonical import fingerprint
from eudoxus.runtime.chat import ChatRequest, Completion, Response, Usage
from eudoxus.runtime.endpoints.base import Call, Capabilities, Health
from eudoxus.runtime.errors import NoAnswerRecorded
from eudoxus.runtime.journal.file import read_journal
from eudoxus.runtime.journal.records import EffectRecord, usage_from

RUNS_REMEMBERED = 1024
"""Of how many runs the endpoint knows which answers they have had; the least recently active are forgotten first."""

RecordedAnswers = tuple[str, Sequence[Completion], Usage]
"""The fingerprint of a request (:func:`request_fingerprint`), what was answered, and what that cost."""


def request_fingerprint(request: ChatRequest) -> str:
    """What identifies a question whoever answers it: its content, without endpoint and model."""
    return fingerprint("model", request.fingerprinted())


@dataclass(slots=True)
class _Sample:
    """One recorded answer with its share of the tokens."""

    completion: Completion
    prompt_tokens: int
    completion_tokens: int
    estimated: bool


@dataclass(slots=True)
class _Progress:
    """Which samples a run has had: how many of each request, and where the ask at each path began."""

    given: dict[str, int] = field(default_factory=dict)
    begun: dict[tuple[str, str], int] = field(default_factory=dict)


class ReplayEndpoint:
    """Answers each request with what was recorded for the same content; endpoint and model of the recording do not matter.

    Within a run the k-th answer to a request is the k-th recorded one, and the same path asked again (a resumed run) gets the same
    answers. At temperature 0 one recorded answer is enough for any number. Nothing is ever made up: a run that asks for more
    answers than were recorded gets :class:`NoAnswerRecorded`. Replayed answers cost nothing.
    """

    capabilities = Capabilities(logprobs=True, prefill=True)

    def __init__(self, recorded: Iterable[RecordedAnswers], *, name: str = "replay", models: Sequence[str] = ("recorded",)) -> None:
        self.name, self.default_model = name, next(iter(models), None)
        self._models = list(models)
        self._samples: dict[str, list[_Sample]] = {}
        self._runs: OrderedDict[str, _Progress] = OrderedDict()
        for key, completions, usage in recorded:
            self._samples.setdefault(key, []).extend(_shared_out(completions, usage))

    @classmethod
    def from_journals(cls, paths: Iterable[str | Path], *, name: str = "replay", models: Sequence[str] = ("recorded",)) -> ReplayEndpoint:
        """Answer from the model calls in JSON Lines journals, in the order of the files.

        Raises :class:`JournalError` for a file that cannot be read and :class:`JournalDamaged` for one that was changed.
        """
        return cls((answers for path in paths for answers in _answers_in(path)), name=name, models=models)

    async def complete(self, model: str, request: ChatRequest, n: int, call: Call) -> Response:
        """The next ``n`` recorded answers. Raises :class:`NoAnswerRecorded`."""
        key = request_fingerprint(request)
        samples = self._samples.get(key, [])
        if request.temperature == 0 and samples:
            taken = [samples[0]] * n
        else:
            start = self._start(key, n, call)
            taken = samples[start : start + n]
            if len(taken) < n:
                raise NoAnswerRecorded(self._missing(request, len(samples), start + n), endpoint=self.name)
        if call.on_delta and n == 1:
            call.on_delta(taken[0].completion.text)
        usage = Usage(
            requests=n,
            prompt_tokens=max(s.prompt_tokens for s in taken),
            completion_tokens=sum(s.completion_tokens for s in taken),
            estimated=any(s.estimated for s in taken),
        )
        return Response(completions=tuple(s.completion for s in taken), usage=usage, model=model)

    def _start(self, key: str, n: int, call: Call) -> int:
        """The ordinal of the first sample for this call. Calls outside a run all begin at the first."""
        if not call.run_id:
            return 0
        run = self._runs.setdefault(call.run_id, _Progress())
        self._runs.move_to_end(call.run_id)
        if len(self._runs) > RUNS_REMEMBERED:
            self._runs.popitem(last=False)
        if call.path and (key, call.path) in run.begun:
            return run.begun[key, call.path]
        start = run.given.get(key, 0)
        run.given[key] = start + n
        run.begun[key, call.path] = start
        return start

    def _missing(self, request: ChatRequest, recorded: int, asked: int) -> str:
        what = f"only {recorded} answers to this request are recorded, and this run asks for {asked}" if recorded else (
            f"no answer is recorded to this request, which ends: {_excerpt(request)!r}"
        )
        return (
            f"the endpoint {self.name!r} only replays recorded answers: {what}. To get an answer from a model, set OPENAI_BASE_URL and "
            "OPENAI_API_KEY, or configure an endpoint in EUDOXUS_ENDPOINTS or the configuration file"
        )

    def price(self, model: str, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float | None:
        return 0.0

    async def models(self) -> list[str]:
        return list(self._models)

    async def check(self) -> Health:
        count = sum(map(len, self._samples.values()))
        detail = f"replays {count} recorded answers to {len(self._samples)} requests; no model is asked"
        return Health(self.name, ok=count > 0, detail=detail, models=list(self._models))

    async def aclose(self) -> None:
        """Nothing to free."""


def _answers_in(path: str | Path) -> Iterable[RecordedAnswers]:
    for record in read_journal(path):
        if isinstance(record, EffectRecord) and record.kind == "model" and record.res is not None:
            completions = [Completion(**c) for c in record.res["completions"]]
            yield fingerprint("model", record.req["request"]), completions, usage_from(record.usage)


def _shared_out(completions: Sequence[Completion], usage: Usage) -> list[_Sample]:
    """The tokens of one recorded call, divided among its answers so that they add up again."""
    each, rest = divmod(usage.completion_tokens, len(completions)) if completions else (0, 0)
    return [_Sample(c, usage.prompt_tokens, each + (i < rest), usage.estimated) for i, c in enumerate(completions)]


def _excerpt(request: ChatRequest) -> str:
    said = request.messages[-1].text.strip()
    return said if len(said) <= 160 else "…" + said[-160:]
