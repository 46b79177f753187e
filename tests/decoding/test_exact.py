"""The samplers draw from exactly the law that they name, shown by enumeration where possible and by statistics where not."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.decoding.mcmc import Chain
from eudoxus.decoding.sampler import AlignedSampler
from eudoxus.decoding.trie import Memory
from tests.decoding.toy import (
    CASES,
    PARENS,
    Blind,
    ToyModel,
    brackets,
    chi_square,
    depth,
    divergence,
    frequencies,
    future_mass,
    proposal,
    seeded,
    skew5,
    target,
    total_variation,
)


def matrix(chain, texts):
    """The chance of going from each text to each other one in one step."""
    moves = np.array([[math.exp(chain.log_transition(a, b) + chain.log_acceptance(a, b)) for b in texts] for a in texts])
    moves[np.diag_indices(len(texts))] = 0.0
    moves[np.diag_indices(len(texts))] = 1 - moves.sum(axis=1)
    return moves


every_case = pytest.mark.parametrize("make", CASES.values(), ids=CASES.keys())


@every_case
@pytest.mark.parametrize("mode", ["asap", "cars", "is"])
def test_in_any_state_of_the_trie_the_proposal_times_the_ratios_is_the_target(make, mode):
    sampler, rng = make(), seeded(7)
    law, z = target(sampler)
    for more in (0, 1, 2, 5, 13, 30, 60):
        if more:
            sampler.samples(more, rng, mode=mode, max_trials=more)
        product = {x: math.exp(q + r) for x, (q, r) in proposal(sampler).items()}
        mass = math.fsum(product.values())
        assert abs(mass - z / math.exp(sampler.trie.bound)) <= 1e-12
        assert max(abs(product.get(x, 0.0) / mass - p) for x, p in law.items()) <= 1e-12


@every_case
def test_bounds_never_grow_and_never_fall_below_the_future_mass(make):
    sampler, rng = make(), seeded(8)
    masses = future_mass(sampler)
    last: dict[tuple[int, ...], float] = {}
    for _ in range(40):
        sampler.samples(1, rng, mode="cars", max_trials=1)
        bounds = {(): sampler.trie.bound}
        for w in masses:
            if w and (parent := sampler.trie.find(w[:-1])):
                bounds[w] = parent.bounds.get(w[-1], 0.0)
        for w, bound in bounds.items():
            assert math.exp(bound) >= masses[w] * (1 - 1e-9)
            assert bound <= last.get(w, 0.0) + 1e-9
        last = bounds


@every_case
@pytest.mark.parametrize("at_once", [1, 8])
def test_accepted_draws_follow_the_target(make, at_once):
    sampler = make()
    law, _ = target(sampler)
    found = sampler.samples(1000, seeded(9), max_trials=100_000, at_once=at_once)
    assert found.outcome == "exact" and len(found.samples) == 1000
    assert chi_square([sample.tokens for sample in found.samples], law) < 2.5
    for sample in found.samples[:20]:
        assert math.isclose(math.exp(sample.log_prob), law[sample.tokens] * target(sampler)[1], rel_tol=1e-9)


def test_the_very_first_draws_follow_the_target_too():
    law, _ = target(skew5())
    drawn = [s.tokens for seed in range(150) for s in skew5().samples(4, seeded(seed), max_trials=10_000, at_once=4).samples]
    assert chi_square(drawn[::4], law) < 2.5
    assert chi_square(drawn[3::4], law) < 2.5


@every_case
@pytest.mark.parametrize("mode", ["gcd", "asap", "cars", "is"])
def test_the_estimate_of_the_mass_is_unbiased(make, mode):
    if make is skew5 and mode == "gcd":
        pytest.skip("greedy decoding says one text of 900, so that its error estimate means nothing: that is the trap")
    sampler = make()
    _, z = target(sampler)
    sampler.samples(600, seeded(10), mode=mode, max_trials=600)
    assert abs(sampler.telemetry.mass - z) <= 4 * sampler.telemetry.mass_error + 1e-12


@every_case
def test_asap_tends_to_the_target_and_beats_greedy_decoding(make):
    sampler = make()
    law, _ = target(sampler)
    at_first = divergence(law, sampler)
    sampler.samples(2048, seeded(11), mode="asap", max_trials=2048)
    assert divergence(law, sampler) <= min(0.01, at_first / 10)


def test_greedy_decoding_learns_nothing_and_is_misled():
    sampler = skew5()
    law, _ = target(sampler)
    drawn = [s.tokens for s in sampler.samples(300, seeded(12), mode="gcd").samples]
    assert sampler.trie.bound == 0.0
    assert total_variation(frequencies(drawn), law) > 0.25


def test_the_weights_of_importance_sampling_give_the_target():
    sampler = brackets()
    law, z = target(sampler)
    found = sampler.samples(1500, seeded(13), mode="is", max_trials=1500).samples
    weighted: dict[tuple[int, ...], float] = {}
    for sample in found:
        weighted[sample.tokens] = weighted.get(sample.tokens, 0.0) + math.exp(sample.log_weight)
    total = sum(weighted.values())
    assert total_variation({x: w / total for x, w in weighted.items()}, law) < 0.06
    assert math.isclose(sum(math.exp(s.log_weight) for s in found) / len(found), z, rel_tol=0.1)


@every_case
def test_particles_estimate_the_mass_without_bias(make):
    _, z = target(make())
    estimates = np.array([math.exp(make().particles(8, seeded(seed))[1]) for seed in range(80)])
    assert abs(estimates.mean() - z) <= 4 * estimates.std(ddof=1) / math.sqrt(len(estimates))


def test_many_particles_come_close_to_the_target():
    law, _ = target(brackets())
    weighted: dict[tuple[int, ...], float] = {}
    for seed in range(20):
        samples, _ = brackets().particles(60, seeded(seed))
        assert math.isclose(sum(math.exp(s.log_weight) for s in samples), 1.0)
        for sample in samples:
            weighted[sample.tokens] = weighted.get(sample.tokens, 0.0) + math.exp(sample.log_weight) / 20
    assert total_variation(weighted, law) < 0.08


@pytest.mark.parametrize("proposed", ["restart", "prefix", "priority"])
@every_case
def test_the_target_is_stationary_under_the_chain(make, proposed):
    sampler = make()
    law, _ = target(sampler)
    chain = Chain(sampler.model, sampler.matcher, max_tokens=sampler.max_tokens, proposal=proposed)
    texts = [chain.measure(x) for x in law]
    p = np.array(list(law.values()))
    moves = matrix(chain, texts)
    assert moves.min() >= -1e-12
    assert np.abs(p @ moves - p).sum() <= 1e-12


@pytest.mark.parametrize("proposed", ["restart", "prefix", "priority"])
def test_a_chain_goes_as_its_matrix_says_and_tends_to_the_target(proposed):
    sampler = brackets(longest=6)
    law, _ = target(sampler)
    chain = Chain(sampler.model, sampler.matcher, max_tokens=6, proposal=proposed)
    texts = [chain.measure(x) for x in law]
    start = np.exp([text.log_proposal() for text in texts])
    after = start @ np.linalg.matrix_power(matrix(chain, texts), 3)
    p = np.array(list(law.values()))
    assert abs(after - p).sum() < abs(start - p).sum()
    rng = seeded(14)
    drawn = [chain.sample(rng, 3).tokens for _ in range(400)]
    assert chi_square(drawn, dict(zip(law, after.tolist(), strict=True))) < 2.5


def test_distinct_draws_have_no_duplicates_and_end_when_all_are_drawn():
    sampler = brackets(distinct=True)
    law, z = target(brackets())
    found = sampler.samples(len(law) + 1, seeded(15), max_trials=100_000)
    assert found.outcome == "exhausted"
    assert {s.tokens for s in found.samples} == law.keys() and len(found.samples) == len(law)
    assert math.isclose(sampler.trie.emitted_mass, z)


def test_the_second_distinct_draw_follows_the_law_without_the_first():
    law, _ = target(brackets(longest=6))
    second = {x: p * sum(q / (1 - q) for y, q in law.items() if y != x) for x, p in law.items()}
    drawn = [brackets(longest=6, distinct=True).samples(2, seeded(seed), max_trials=10_000).samples[1].tokens for seed in range(250)]
    assert chi_square(drawn, second) < 2.5


@pytest.mark.parametrize("mode", ["cars", "is"])
def test_a_predicate_on_finished_texts_narrows_the_law(mode):
    def even(sample):
        return len(sample.tokens) % 4 == 0

    sampler = brackets(accept=even)
    law, z = target(brackets())
    mass = sum(p for x, p in law.items() if len(x) % 4 == 0)
    narrow = {x: p / mass for x, p in law.items() if len(x) % 4 == 0}
    found = sampler.samples(800, seeded(16), mode=mode, max_trials=20_000)
    assert abs(sampler.telemetry.mass - z * mass) <= 4 * sampler.telemetry.mass_error
    if mode == "cars":
        assert chi_square([s.tokens for s in found.samples], narrow) < 2.5
    assert sampler.telemetry.rejected_by_predicate > 0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), policy=st.sampled_from(["auto", "dense", "sparse", "delta"]), at_once=st.integers(1, 5),
       mode=st.sampled_from(["gcd", "asap", "cars", "is"]))
def test_what_is_kept_in_memory_changes_no_draw(seed, policy, at_once, mode):
    drawn = []
    for memory in (Memory(policy="sparse"), Memory(policy=policy), Memory(policy=policy, most_numbers=7)):
        sampler = brackets(longest=6, memory=memory)
        drawn.append(sampler.samples(12, seeded(seed), mode=mode, at_once=at_once, max_trials=500))
    assert [s.tokens for s in drawn[0].samples] == [s.tokens for s in drawn[1].samples] == [s.tokens for s in drawn[2].samples]
    assert drawn[0].outcome == drawn[1].outcome


@settings(max_examples=10, deadline=None)
@given(concentration=st.floats(0.3, 5.0), longest=st.integers(2, 6), seed=st.integers(0, 1000))
def test_the_identity_holds_for_any_model(concentration, longest, seed):
    model = ToyModel(PARENS, longest + 2, concentration=concentration)
    sampler = AlignedSampler(model, Blind(PARENS, lambda w: depth(w) >= 0, lambda w: depth(w) == 0), max_tokens=longest)
    law, z = target(sampler)
    sampler.samples(seed % 7 + 1, seeded(seed), max_trials=50)
    product = {x: math.exp(q + r) for x, (q, r) in proposal(sampler).items()}
    assert max(abs(product[x] * math.exp(sampler.trie.bound) - p * z) for x, p in law.items()) <= 1e-12
