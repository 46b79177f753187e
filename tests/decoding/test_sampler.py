"""The sampler around its law: limits, outcomes, seeds, threads, files, and real grammars."""

import math
import threading

import numpy as np
import pytest

from eudoxus.decoding.conformance import MatcherContract
from eudoxus.decoding.errors import BudgetTooSmall, ModelChanged, Unsatisfiable
from eudoxus.decoding.grammar import Lark, Regex
from eudoxus.decoding.llguidance_engine import LlguidanceEngine
from eudoxus.decoding.outlines_engine import OutlinesEngine
from eudoxus.decoding.reference import ReferenceEngine
from eudoxus.decoding.sampler import AlignedSampler
from eudoxus.decoding.trie import Memory
from eudoxus.decoding.vocabulary import Vocabulary
from eudoxus.runtime.errors import InvalidParams
from tests.decoding.toy import PARENS, Blind, ToyModel, brackets, chi_square, seeded, skew5, target

LETTERS = Vocabulary.from_list(["a", "b", "ab", "ba", "(", ")", "((", "", "<end>", "<stop>"], eos=[8, 9], size=12)


@pytest.mark.parametrize("engine", [LlguidanceEngine, OutlinesEngine, ReferenceEngine])
def test_with_a_real_engine_every_tokenisation_has_its_exact_share(engine):
    sampler = AlignedSampler.of(ToyModel(LETTERS, 6), engine(LETTERS), Regex("(ab)+"), max_tokens=4)
    law, z = target(sampler)
    assert {(0, 1), (2,), (0, 3, 1), (2, 2), (0, 1, 2)} <= law.keys()
    found = sampler.samples(1000, seeded(1), max_trials=100_000)
    assert found.outcome == "exact" and chi_square([s.tokens for s in found.samples], law) < 2.5
    assert all(set(s.text) <= set(b"ab") and len(s.text) % 2 == 0 for s in found.samples)
    assert abs(sampler.telemetry.mass - z) <= 4 * sampler.telemetry.mass_error


def test_a_context_free_grammar_is_sampled_exactly():
    grammar = Lark('start: nest\nnest: "(" nest ")" | /[ab]/')
    sampler = AlignedSampler.of(ToyModel(LETTERS, 8), LlguidanceEngine(LETTERS), grammar, max_tokens=6)
    other = AlignedSampler.of(ToyModel(LETTERS, 8), ReferenceEngine(LETTERS), grammar, max_tokens=6)
    assert target(sampler) == target(other)
    assert chi_square([s.tokens for s in sampler.samples(800, seeded(2), max_trials=100_000).samples], target(sampler)[0]) < 2.5


def test_equal_seeds_give_equal_draws_and_other_seeds_others():
    one, two, three = ([s.tokens for s in brackets().samples(50, seeded(s), at_once=3).samples] for s in (1, 1, 2))
    assert one == two != three


def test_results_come_in_the_order_of_their_beginning():
    """Else short texts would come first: they finish first."""
    slow, quick = ([s.tokens for s in brackets().samples(3, seeded(4), mode="gcd", at_once=n).samples] for n in (1, 3))
    assert slow == quick


def test_a_budget_of_trials_or_forward_passes_gives_fewer_samples_and_says_so():
    few = skew5().samples(100, seeded(5), max_trials=3)
    assert few.outcome == "truncated_budget" and len(few.samples) <= 3
    sampler = skew5()
    assert sampler.samples(100, seeded(5), max_forward=8).outcome == "truncated_budget"
    assert 8 <= sampler.telemetry.forward_passes <= 8 + sampler.max_tokens


def test_a_text_already_known_costs_no_forward_pass():
    sampler = brackets(memory=Memory(policy="sparse"))
    sampler.samples(300, seeded(6))
    asked = sampler.model.calls
    assert asked == sampler.telemetry.forward_passes < 100
    sampler.samples(300, seeded(6))
    assert sampler.model.calls - asked < 20


def test_what_the_model_never_says_is_unsatisfiable():
    model = ToyModel(PARENS, 0)  # ends at once
    never = AlignedSampler(model, Blind(PARENS, lambda w: w == (0,)[: len(w)], lambda w: len(w) == 1), max_tokens=3)
    assert never.samples(1, seeded(1)).outcome == "unsatisfiable"
    with pytest.raises(Unsatisfiable, match="unsatisfiable"):
        never.draw(seeded(1))


def test_a_predicate_that_nothing_fulfils_is_unsatisfiable_once_all_texts_are_known():
    assert brackets(longest=4, accept=lambda sample: False).samples(1, seeded(1), max_trials=10_000).outcome == "unsatisfiable"


def test_a_budget_of_tokens_too_small_is_refused_before_any_draw():
    with pytest.raises(BudgetTooSmall):
        AlignedSampler.of(ToyModel(LETTERS, 6), LlguidanceEngine(LETTERS), Regex("(ab){5}"), max_tokens=4)


@pytest.mark.parametrize(("field", "call"), [
    ("n", lambda: brackets().samples(0, seeded(1))),
    ("at_once", lambda: brackets().samples(1, seeded(1), at_once=0)),
    ("max_tokens", lambda: brackets(longest=-1)),
    ("threshold", lambda: brackets().particles(2, seeded(1), threshold=2)),
    ("distinct", lambda: brackets(distinct=True).particles(2, seeded(1))),
])
def test_a_bad_parameter_is_named(field, call):
    with pytest.raises(InvalidParams, match="expected|cannot") as refused:
        call()
    assert refused.value.param == field


def test_threads_may_draw_at_once_and_their_draws_are_exact():
    sampler = brackets()
    law, _ = target(brackets())
    drawn: list[tuple[int, ...]] = []

    def work(seed):
        found = sampler.samples(150, seeded(seed), at_once=2)
        drawn.extend(s.tokens for s in found.samples)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(drawn) == 900 and sampler.telemetry.accepted == 900
    assert chi_square(drawn, law) < 2.5


def test_a_host_may_ask_the_model_itself():
    sampler = skew5()
    trial = sampler.trial(seeded(8), "asap")
    asked = [next(trial)]
    with pytest.raises(StopIteration) as stop:
        while True:
            asked.append(trial.send(sampler.model.log_probs(asked[-1])))
    assert asked[0] == () and asked[1:] == [stop.value.value.sample.tokens[:n] for n in range(1, len(asked))]


@pytest.mark.parametrize("memory", [Memory(), Memory(policy="delta"), Memory(policy="dense"), Memory(most_numbers=5)])
def test_a_saved_trie_goes_on_where_it_was(tmp_path, memory):
    before = brackets(memory=memory)
    before.samples(60, seeded(9))
    before.save(tmp_path / "trie.npz", "toy")
    after = brackets(memory=memory)
    after.load(tmp_path / "trie.npz", "toy")
    assert after.trie.bound == before.trie.bound
    assert [s.tokens for s in after.samples(40, seeded(10)).samples] == [s.tokens for s in before.samples(40, seeded(10)).samples]
    assert [p.name for p in tmp_path.iterdir()] == ["trie.npz"]


def test_a_trie_of_another_key_or_budget_is_refused(tmp_path):
    brackets().save(tmp_path / "trie.npz", "toy")
    with pytest.raises(ModelChanged, match="other"):
        brackets().load(tmp_path / "trie.npz", "other")
    with pytest.raises(ModelChanged, match="max_tokens"):
        brackets(longest=6).load(tmp_path / "trie.npz", "toy")


def test_distinct_draws_stay_distinct_across_a_file(tmp_path):
    first = brackets(longest=6, distinct=True)
    one = first.samples(3, seeded(11))
    first.save(tmp_path / "trie.npz", "toy")
    second = brackets(longest=6, distinct=True)
    second.load(tmp_path / "trie.npz", "toy")
    rest = second.samples(100, seeded(12), max_trials=10_000)
    assert rest.outcome == "exhausted"
    assert not {s.tokens for s in one.samples} & {s.tokens for s in rest.samples}


def test_a_model_that_changes_its_mind_is_noticed():
    class Fickle(ToyModel):
        def log_probs(self, tokens):
            self.concentration = 3.0 if self.calls < 25 else 0.2
            self.rows.clear()
            return super().log_probs(tokens)

    sampler = brackets(memory=Memory(policy="delta"))
    sampler.model = Fickle(PARENS, 11)
    with pytest.raises(ModelChanged, match="more log-mass"):
        sampler.samples(200, seeded(13), mode="asap")


def test_a_model_of_another_width_is_refused():
    sampler = brackets()
    sampler.model = ToyModel(LETTERS, 5)
    with pytest.raises(ModelChanged, match="shape"):
        sampler.draw(seeded(1))


def test_a_model_that_answers_nonsense_is_noticed():
    sampler = brackets()
    sampler.model.log_probs = lambda tokens: np.array([np.nan, 0.0, 0.0])
    with pytest.raises(ModelChanged, match="not a number"):
        sampler.draw(seeded(1))
    sampler.model.log_probs = lambda tokens: np.zeros(3)
    with pytest.raises(ModelChanged, match="than 1"):
        sampler.draw(seeded(1))


def test_single_precision_models_are_sampled_too():
    class Single(ToyModel):
        def log_probs(self, tokens):
            return super().log_probs(tokens).astype(np.float32)

    sampler = brackets()
    sampler.model = Single(PARENS, 11, concentration=3.0)
    assert chi_square([s.tokens for s in sampler.samples(500, seeded(14)).samples], target(brackets())[0]) < 2.5


def test_the_telemetry_adds_up():
    sampler = skew5()
    assert math.isnan(sampler.telemetry.acceptance) and math.isnan(sampler.telemetry.mass)
    sampler.samples(50, seeded(15), max_trials=500)
    t = sampler.telemetry
    assert t.trials == t.accepted + t.rejected_by_coin + t.dead_ends + t.rejected_by_predicate
    assert t.acceptance == t.accepted / t.trials


def test_a_wrong_mask_fails_the_contract():
    """The contract can fail: an engine that forgets the longer of two tokens, as a released one once did."""

    class Forgetful(ReferenceEngine):
        def matcher(self, grammar, *, exact=False):
            matcher = super().matcher(grammar, exact=exact)
            right = type(matcher).mask

            def mask(self):
                found = right(self)
                if 6 not in self.consumed:
                    found[0] &= ~(1 << 6)
                return found

            return type("Wrong", (type(matcher),), {"mask": mask})(matcher.vocabulary, matcher._recogniser)

    with pytest.raises(AssertionError):
        MatcherContract().test_the_mask_says_what_consuming_each_single_token_says(Forgetful(LETTERS), Lark('start: "(" start ")" | "a"'))
