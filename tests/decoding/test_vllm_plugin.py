"""The plug-in for vLLM, against stand-ins for vLLM's side that are ours: they have the documented signatures and do what the documentation
(``docs/features/custom_logitsprocs.md``, and the docstrings of both ``interface.py``) says that vLLM does. vLLM itself is not run here.
"""

import enum
import functools
import importlib
import inspect
import logging
import random
import sys
import types
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")
tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed")

from eudoxus.decoding.apply import allowed_tokens  # noqa: E402
from eudoxus.decoding.grammar import Lark, Regex  # noqa: E402
from eudoxus.decoding.reference import ReferenceEngine  # noqa: E402
from tests.decoding.grammars import PLAN, SUM  # noqa: E402

WIDTH = 320


# vLLM's side --------------------------------------------------------------------------------------------------------------------


class MoveDirectionality(enum.Enum):
    UNIDIRECTIONAL = enum.auto()
    SWAP = enum.auto()


@dataclass(frozen=True)
class BatchUpdate:
    """Removed indices, added ``(index, params, prompt_tok_ids, output_tok_ids)``, moved ``(from, to, how)``, in the order of processing."""

    batch_size: int
    removed: Any = ()
    added: Any = ()
    moved: Any = ()


class V1LogitsProcessor(ABC):
    @classmethod  # noqa: B027
    def validate_params(cls, sampling_params):
        """As vLLM has it: does nothing, and may be overridden."""

    @abstractmethod
    def __init__(self, vllm_config, device, is_pin_memory): ...

    @abstractmethod
    def apply(self, logits): ...

    @abstractmethod
    def is_argmax_invariant(self): ...

    @abstractmethod
    def update_state(self, batch_update): ...


class AdapterLogitsProcessor(V1LogitsProcessor):
    """Keeps one callable per request of the batch: ``(output_ids, logits)`` or ``(prompt_ids, output_ids, logits)`` to logits."""

    def __init__(self, vllm_config, device, is_pin_memory):
        self.req_info: dict[int, Any] = {}

    @abstractmethod
    def new_req_logits_processor(self, params): ...

    def update_state(self, batch_update):
        if batch_update is None:
            return
        for index in batch_update.removed:
            self.req_info.pop(index, None)
        for index, params, prompt, output in batch_update.added:
            self.req_info.pop(index, None)
            if made := self.new_req_logits_processor(params):
                arguments = (prompt, output) if len(inspect.signature(made).parameters) == 3 else (output,)
                self.req_info[index] = functools.partial(made, *arguments)
        for one, other, how in batch_update.moved:
            first, second = self.req_info.pop(one, None), self.req_info.pop(other, None)
            if first is not None:
                self.req_info[other] = first
            if how is MoveDirectionality.SWAP and second is not None:
                self.req_info[one] = second

    def apply(self, logits):
        for row, process in self.req_info.items():
            logits[row] = process(logits[row])
        return logits


@dataclass(frozen=True)
class LogitsProcRequestState:
    """Buffers by request slot; those on the device have ``.gpu``, those of the host ``.np``."""

    device: Any
    max_num_reqs: int
    vocab_size: int
    all_token_ids: Any
    prompt_len: Any
    prefill_len: Any
    total_len: Any


@dataclass(frozen=True)
class LogitsContext:
    expanded_idx_mapping: Any
    idx_mapping: Any
    idx_mapping_np: Any
    expanded_local_pos: Any
    input_ids: Any
    pos: Any
    seq_lens_upper_bound_np: Any


class V2LogitsProcessor(ABC):
    def __init__(self, vllm_config, req_states):  # noqa: B027
        """As vLLM has it."""

    @classmethod  # noqa: B027
    def validate_params(cls, sampling_params):
        """As vLLM has it: does nothing, and may be overridden."""

    def add_request(self, req_idx, sampling_params):
        return True

    def apply_staged_writes(self):  # noqa: B027
        """As vLLM has it."""

    @abstractmethod
    def apply(self, logits, ctx): ...


@dataclass
class SamplingParams:
    extra_args: dict[str, Any] | None = None
    ignore_eos: bool = False
    min_tokens: int = 0
    structured_outputs: Any = None
    allowed_token_ids: Any = None
    bad_words: list[str] = field(default_factory=list)


# --------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model_config(tmp_path_factory):
    """What ``ModelConfig`` tells of a model whose tokenizer has 290 tokens, in a directory."""
    trained = tokenizers.Tokenizer(tokenizers.models.BPE())
    trained.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=290, initial_alphabet=alphabet, special_tokens=["<s>", "</s>", "<stop>"])
    trained.train_from_iterator(["(pick-up b1)\n(stack b1 b2)\n", "12+345*(6-7.5)"] * 9, trainer)
    folder = tmp_path_factory.mktemp("model")
    transformers.PreTrainedTokenizerFast(tokenizer_object=trained, eos_token="</s>").save_pretrained(folder)
    return types.SimpleNamespace(
        tokenizer=str(folder), tokenizer_revision=None, trust_remote_code=False, logits_processors=None,
        get_vocab_size=lambda: WIDTH, try_get_generation_config=lambda: {"eos_token_id": [1, 2]},
    )


@pytest.fixture(params=["V1 alone", "both", "V2 alone"])
def interfaces(request):
    return request.param


@pytest.fixture
def plugin(interfaces, monkeypatch):
    """The module as it is where vLLM has these interfaces."""
    v1 = {"AdapterLogitsProcessor": AdapterLogitsProcessor} if interfaces != "V2 alone" else {}
    v2 = {"LogitsProcessor": V2LogitsProcessor} if interfaces != "V1 alone" else {}
    for name, content in (("vllm.v1.sample.logits_processor", v1), ("vllm.v1.worker.gpu.sample.logits_processor", v2)):
        module = types.ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
        for at in range(1, len(name.split("."))):
            parent = ".".join(name.split(".")[:at])
            if parent not in sys.modules:
                monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))
    monkeypatch.delitem(sys.modules, "eudoxus.decoding.vllm_plugin", raising=False)
    yield importlib.import_module("eudoxus.decoding.vllm_plugin")
    sys.modules.pop("eudoxus.decoding.vllm_plugin", None)


def params(**extra):
    return SamplingParams(extra_args=extra or None)


SUMS, PLANS = params(eudoxus_lark=SUM.text, eudoxus_max_tokens=30), params(eudoxus_lark=PLAN.text, eudoxus_max_tokens=30)
WORD = params(eudoxus_regex="yes|no")
ENDS = (1, 2)


def judged(vocabulary, grammar, tokens):
    judge = ReferenceEngine(vocabulary).matcher(grammar)
    return judge.allows(tokens) == len(tokens) and tokens[-1] in ENDS


class TestTheV1Runner:
    @pytest.fixture
    def interfaces(self):
        return "both"

    @pytest.mark.parametrize("interfaces", ["V1 alone", "both"])
    def test_requests_come_go_and_move_and_each_keeps_its_grammar(self, plugin, model_config):
        processor = plugin.GrammarLogitsProcessor(types.SimpleNamespace(model_config=model_config), torch.device("cpu"), False)
        assert isinstance(processor, AdapterLogitsProcessor) and processor.is_argmax_invariant() is False
        vocabulary, rng, done = plugin.vocabulary_of(model_config), random.Random(0), []
        waiting = [(SUMS, SUM), (params(), None), (PLANS, PLAN), (WORD, Regex("yes|no")), (SUMS, SUM), (PLANS, PLAN), (params(), None)]
        batch = []  # [params, grammar, output]
        for _ in range(300):
            removed, added, moved = [], [], []
            for at in reversed(range(len(batch))):
                output = batch[at][2]
                if len(output) == 35 or (batch[at][1] and output and output[-1] in ENDS):
                    done.append((batch[at][1], output))
                    removed.append(at)
                    last = len(batch) - 1
                    if at != last:
                        moved.append((last, at, MoveDirectionality.UNIDIRECTIONAL))
                    batch[at] = batch[last]
                    batch.pop()
            if waiting and len(batch) < 3 and not removed:
                asked, grammar = waiting.pop(0)
                batch.append([asked, grammar, []])
                added.append((len(batch) - 1, asked, [5, 6], batch[-1][2]))
            elif len(batch) > 1 and not removed:
                moved.append((0, len(batch) - 1, MoveDirectionality.SWAP))
                batch[0], batch[-1] = batch[-1], batch[0]
            changed = BatchUpdate(len(batch), removed, added, moved) if removed or added or moved else None
            processor.update_state(changed)
            logits = torch.randn(len(batch), WIDTH)
            found = processor.apply(logits.clone())
            for row, (_, grammar, output) in enumerate(batch):
                allowed = torch.isfinite(found[row]).nonzero().flatten().tolist()
                assert len(allowed) == WIDTH if grammar is None else 0 < len(allowed) < WIDTH
                assert torch.equal(found[row, allowed], logits[row, allowed])
                output.append(rng.choice(allowed))
        assert not waiting and len(done) == 7
        for grammar, output in done:
            assert grammar is None or judged(vocabulary, grammar, output)

    def test_output_tokens_that_are_not_known_end_the_text_with_advice(self, plugin, model_config, caplog):
        processor = plugin.GrammarLogitsProcessor(types.SimpleNamespace(model_config=model_config), torch.device("cpu"), False)
        process = processor.new_req_logits_processor(SUMS)
        with caplog.at_level(logging.ERROR):
            found = process([-1], torch.zeros(WIDTH))
        assert torch.isfinite(found).nonzero().flatten().tolist() == list(ENDS) and "no-async-scheduling" in caplog.text

    @pytest.mark.parametrize("extra", [
        {"eudoxus_lark": 'start: "a" start'}, {"eudoxus_lark": "start: nowhere"}, {"eudoxus_regex": "("}, {"eudoxus_regex": 7},
        {"eudoxus_regex": "a", "eudoxus_max_tokens": 0}, {"eudoxus_json_schema": "{}", "eudoxus_max_tokens": 9},
        {"eudoxus_regex": "a", "eudoxus_lark": 'start: "a"'}, {"eudoxus_regex": "a{500}", "eudoxus_max_tokens": 2},
    ])
    def test_what_was_not_checked_at_the_door_ends_its_text_and_not_the_batch(self, plugin, model_config, extra, caplog):
        processor = plugin.GrammarLogitsProcessor(types.SimpleNamespace(model_config=model_config), torch.device("cpu"), False)
        with caplog.at_level(logging.WARNING):
            process = processor.new_req_logits_processor(params(**extra))
        assert torch.isfinite(process([], torch.zeros(WIDTH))).nonzero().flatten().tolist() == list(ENDS)
        assert "ended at once" in caplog.text


class Runner:
    """Model Runner V2 in small: slots that are reused, rows in any order, one row more for each draft, and requests that resume."""

    def __init__(self, plugin, model_config, seed):
        self.rng, self.slots, self.length = random.Random(seed), 4, 80
        self.all = types.SimpleNamespace(gpu=torch.zeros(self.slots, self.length, dtype=torch.int32))
        self.prompt = types.SimpleNamespace(np=np.zeros(self.slots, np.int32))
        self.total = types.SimpleNamespace(gpu=torch.zeros(self.slots, dtype=torch.int32))
        states = LogitsProcRequestState(torch.device("cpu"), self.slots, WIDTH, self.all, self.prompt, self.prompt, self.total)
        self.processor = plugin.GrammarLogitsProcessor(types.SimpleNamespace(model_config=model_config), states)
        self.running: dict[int, Any] = {}

    def add(self, slot, asked, grammar, prompt, output=()):
        tokens = [*prompt, *output]
        self.all.gpu[slot, : len(tokens)] = torch.tensor(tokens, dtype=torch.int32)
        self.prompt.np[slot], self.total.gpu[slot] = len(prompt), len(tokens)
        assert self.processor.add_request(slot, asked) is (grammar is not None)
        self.running[slot] = (asked, grammar, list(prompt), list(output))

    def step(self, drafts):
        """One step: each request has a row for its last token and one for each draft; accepts drafts that its masks allowed."""
        self.processor.apply_staged_writes()
        rows = []
        for slot, (_, _, prompt, output) in self.running.items():
            fed = [(prompt + output)[-1], *(self.rng.randrange(290) for _ in range(drafts))]
            rows += [(slot, local, len(prompt) + len(output) - 1 + local, token) for local, token in enumerate(fed)]
        self.rng.shuffle(rows)
        slots, local, pos, fed = (torch.tensor(column) for column in zip(*rows, strict=True))
        active = np.array(list(self.running))
        longest = np.full(len(active), self.length)
        context = LogitsContext(slots, torch.from_numpy(active), active, local, fed.to(torch.int32), pos, longest)
        logits = torch.randn(len(rows), WIDTH)
        found = self.processor.apply(logits.clone(), context)
        by_place = {(slot, at): (token, found[i], logits[i]) for i, (slot, at, _, token) in enumerate(rows)}
        for slot, (_, grammar, _, output) in self.running.items():
            for at in range(drafts + 1):
                _, row, raw = by_place[slot, at]
                allowed = torch.isfinite(row).nonzero().flatten().tolist()
                assert torch.equal(row[allowed], raw[allowed]) and (grammar is not None or len(allowed) == WIDTH)
                draft = by_place[slot, at + 1][0] if at < drafts else None
                token = draft if draft in allowed else self.rng.choice(allowed)
                output.append(token)
                if token != draft or token in ENDS:
                    break
            end = self.prompt.np[slot] + len(output)
            self.all.gpu[slot, self.prompt.np[slot] : end] = torch.tensor(output, dtype=torch.int32)
            self.total.gpu[slot] = int(end)


class TestModelRunnerV2:
    @pytest.fixture
    def interfaces(self):
        return "both"

    @pytest.mark.parametrize("interfaces", ["V2 alone", "both"])
    @pytest.mark.parametrize("drafts", [0, 3])
    def test_slots_are_reused_rows_come_in_any_order_and_drafts_are_refused(self, plugin, model_config, drafts):
        vocabulary, done = plugin.vocabulary_of(model_config), 0
        runner = Runner(plugin, model_config, seed=drafts)
        assert isinstance(runner.processor, V2LogitsProcessor)
        kinds = [(SUMS, SUM), (params(), None), (PLANS, PLAN), (WORD, Regex("yes|no"))]
        for number in range(150):
            for slot in range(runner.slots):
                if slot not in runner.running and number < 100:
                    runner.add(slot, *kinds[runner.rng.randrange(4)], prompt=[5] * runner.rng.randrange(1, 6))
            if runner.running:
                runner.step(drafts)
            for slot, (_, grammar, _, output) in list(runner.running.items()):
                if (grammar and output[-1] in ENDS) or len(output) > 40:
                    del runner.running[slot]
                    done += grammar is not None
                    assert grammar is None or judged(vocabulary, grammar, output)
        assert done > 10

    def test_a_request_that_resumes_goes_on_where_it_was(self, plugin, model_config):
        vocabulary = plugin.vocabulary_of(model_config)
        runner = Runner(plugin, model_config, seed=1)
        runner.add(0, SUMS, SUM, prompt=[7, 8])
        for _ in range(4):
            runner.step(0)
        asked, grammar, prompt, output = runner.running.pop(0)
        runner.add(0, WORD, Regex("yes|no"), prompt=[9])
        runner.add(2, asked, grammar, prompt, output)
        while runner.running[2][3][-1] not in ENDS:
            runner.step(0)
        assert judged(vocabulary, SUM, runner.running[2][3])

    def test_within_a_prompt_read_in_pieces_nothing_is_forbidden(self, plugin, model_config):
        runner = Runner(plugin, model_config, seed=1)
        runner.add(1, WORD, Regex("yes|no"), prompt=[7] * 10)
        one = torch.tensor([1])
        context = LogitsContext(one, one, np.array([1]), torch.tensor([0]), torch.tensor([7]), torch.tensor([4]), np.array([5]))
        assert torch.isfinite(runner.processor.apply(torch.zeros(1, WIDTH), context)).all()

    def test_a_batch_without_grammars_is_not_looked_at(self, plugin, model_config):
        runner = Runner(plugin, model_config, seed=1)
        runner.add(0, params(), None, prompt=[7])
        logits = torch.zeros(1, WIDTH)
        context = types.SimpleNamespace(idx_mapping_np=np.array([0]))  # anything else would have to come from the device
        assert runner.processor.apply(logits, context) is logits


@pytest.mark.parametrize(("asked", "message"), [
    (params(eudoxus_regex="a", eudoxus_lark='start: "a"'), "expected one grammar"),
    (params(eudoxus_regex=["a"]), "eudoxus_regex is a list"),
    (params(eudoxus_max_tokens=3), "without a grammar"),
    (params(eudoxus_regex="a", eudoxus_max_tokens=0), "expected an integer from 1"),
    (params(eudoxus_regex="a", eudoxus_max_tokens="9"), "expected an integer from 1"),
    (params(eudoxus_json_schema='{"type": "integer"}', eudoxus_max_tokens=9), "a JSON schema is not read here"),
    (params(eudoxus_regex="("), "regex"),
    (params(eudoxus_json_schema="{"), "not JSON"),
    (params(eudoxus_lark='start: "a" start'), "goes on for ever"),
    (params(eudoxus_lark='start: "' + "a" * 40_000 + '"'), "allowed are 32768"),
    (params(eudoxus_regex="(((a{1,1000}){1,1000}){1,1000})"), "expands"),
    (SamplingParams({"eudoxus_regex": "a"}, ignore_eos=True), "ignore_eos cannot be used"),
    (SamplingParams({"eudoxus_regex": "a"}, min_tokens=2), "min_tokens cannot be used"),
    (SamplingParams({"eudoxus_regex": "a"}, structured_outputs=object()), "structured_outputs cannot be used"),
])
def test_a_request_that_cannot_work_is_refused_at_the_door(plugin, asked, message):
    with pytest.raises(ValueError, match=message):
        plugin.GrammarLogitsProcessor.validate_params(asked)


def test_a_request_that_can_work_is_let_in(plugin):
    for asked in (params(), SUMS, PLANS, WORD, SamplingParams({"other": 3}), params(eudoxus_json_schema='{"type": "object"}')):
        plugin.GrammarLogitsProcessor.validate_params(asked)


def test_the_vocabulary_is_the_models_with_all_its_ends_and_padded(plugin, model_config):
    vocabulary = plugin.vocabulary_of(model_config)
    assert vocabulary.eos == ENDS and vocabulary.size == WIDTH and len(vocabulary.tokens) < WIDTH
    spelled = allowed_tokens(ReferenceEngine(vocabulary).matcher(Lark('start: "é"')).mask(), WIDTH).tolist()
    assert [vocabulary.tokens[token] for token in spelled] == [b"\xc3"]


def test_a_tokenizer_that_cannot_be_used_is_found_out_at_the_start_if_the_class_was_asked_for(plugin, model_config, caplog, tmp_path):
    broken = types.SimpleNamespace(**{**vars(model_config), "tokenizer": str(tmp_path)})
    states = types.SimpleNamespace(prompt_len=None)
    processor = plugin.GrammarLogitsProcessor(types.SimpleNamespace(model_config=broken), states)
    assert not processor._slots  # an entry point that nobody asked for stops nobody's server
    if hasattr(processor, "add_request"):
        assert processor.add_request(0, params()) is False
        with caplog.at_level(logging.ERROR):
            assert processor.add_request(0, SUMS) is False
        assert "grammars are not applied" in caplog.text
    for named in (["eudoxus.decoding.vllm_plugin:GrammarLogitsProcessor"], [plugin.GrammarLogitsProcessor]):
        broken.logits_processors = named
        with pytest.raises(Exception, match="tokenizer"):
            plugin.GrammarLogitsProcessor(types.SimpleNamespace(model_config=broken), states)


def test_vllm_finds_it_as_an_entry_point(plugin):
    from importlib.metadata import entry_points

    (found,) = entry_points(group="vllm.logits_processors")
    assert found.load() is plugin.GrammarLogitsProcessor


def test_without_vllm_the_module_loads_too(monkeypatch):
    monkeypatch.delitem(sys.modules, "eudoxus.decoding.vllm_plugin", raising=False)
    module = importlib.import_module("eudoxus.decoding.vllm_plugin")
    assert module.GrammarLogitsProcessor.__mro__[-1] is object
