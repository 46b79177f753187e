"""The memory of the aligned samplers: a trie of prefixes with an upper bound of the future mass behind each token.

Notation of Park et al. 2024 (arXiv 2405.21047, section 4): c(w) is the probability that the model, going on from w, ends in the grammar.
The trie holds log c̃ ≥ log c, which starts at 0 where nothing is known, never grows, and becomes exact where everything was visited.
"""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from eudoxus.decoding.errors import ModelChanged
from eudoxus.decoding.sampling import Allowed, LogProbs, Tokens, log_sum_exp

Policy = Literal["auto", "dense", "sparse", "delta"]


@dataclass(frozen=True)
class Memory:
    """What is kept of the model's answers. What is not kept costs a forward pass at the next visit; draws stay exact either way.

    ``dense``: one number per token of the vocabulary, which looks up fastest; for small vocabularies. ``sparse``: ids and numbers of the
    allowed tokens. ``delta``: nothing but the bounds of visited tokens. ``auto``: sparse up to ``few`` allowed tokens, else delta.
    """

    policy: Policy = "auto"
    few: int = 4096
    most_numbers: int = 50_000_000
    """Most log-probabilities kept in all; those of the nodes that were visited the longest ago go first."""


class Node:
    """A prefix. ``bounds[v]`` is log c̃ of the prefix with ``v``, present only where it is known to be below 0."""

    __slots__ = ("allowed", "bounds", "children")

    def __init__(self) -> None:
        self.children: dict[int, Node] = {}
        self.bounds: dict[int, float] = {}
        self.allowed: Allowed | None = None

    def weights(self, allowed: Allowed) -> LogProbs:
        """log P(v|w) + log c̃(wv) of each allowed token: the proposal, not normalised."""
        weights = np.array(allowed.log_probs, np.float64)
        if self.bounds:
            tokens = np.fromiter(self.bounds, np.int64, len(self.bounds))
            at = np.searchsorted(allowed.tokens, tokens)
            weights[at] += np.fromiter(self.bounds.values(), np.float64, len(self.bounds))
        return weights

    def lower(self, token: int, bound: float) -> bool:
        """Take ``bound`` for ``token`` if it is below the present one; whether it was."""
        below = bound < self.bounds.get(token, 0.0)
        if below:
            self.bounds[token] = bound
        return below


class Trie:
    """``bound`` is log c̃ of the empty text: an upper bound of log Z. Not safe for threads by itself."""

    def __init__(self, size: int, memory: Memory | None = None) -> None:
        self.size = size
        self.memory = memory or Memory()
        self.root = Node()
        self.bound = 0.0
        self.emitted_mass = 0.0
        """Probability of the texts taken out by drawing without replacement."""
        self._kept: OrderedDict[int, Node] = OrderedDict()
        self._numbers = 0

    def keep(self, node: Node, allowed: Allowed) -> Allowed:
        """Remember what the model said at ``node`` as the policy tells; what comes back is to be used in its place."""
        policy = self.memory.policy
        if policy == "auto":
            policy = "sparse" if allowed.tokens.size <= self.memory.few else "delta"
        if policy == "delta" or node.allowed is not None:
            return node.allowed or allowed
        if policy == "dense":
            values = np.full(self.size + 1, -np.inf, allowed.log_probs.dtype)
            values[allowed.tokens] = allowed.log_probs
            allowed = Allowed(self._all, values)
        node.allowed = allowed
        self._kept[id(node)] = node
        self._numbers += allowed.log_probs.size
        while self._numbers > self.memory.most_numbers and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            assert oldest.allowed is not None
            self._numbers -= oldest.allowed.log_probs.size
            oldest.allowed = None
        return allowed

    def visit(self, node: Node) -> Allowed | None:
        """What is kept at ``node``, noting the visit."""
        if node.allowed is not None:
            self._kept.move_to_end(id(node))
        return node.allowed

    def back_up(self, path: list[tuple[Node, Allowed]], tokens: Tokens, fresh: int, changed: bool) -> None:
        """Lower the bounds along a path from its deepest node.

        Nodes from the depth ``fresh`` on are not yet accounted for above them; ``changed``: a bound of the deepest node is new. Above
        that, a node whose child's bound did not change needs no work.
        """
        for depth in range(len(path) - 1, -1, -1):
            if depth < fresh and not changed:
                return
            node, allowed = path[depth]
            bound = log_sum_exp(node.weights(allowed))
            if depth:
                changed = path[depth - 1][0].lower(tokens[depth - 1], bound)
            else:
                self.bound = min(self.bound, bound)

    def find(self, tokens: Tokens) -> Node | None:
        """The node of a prefix, if it was ever visited."""
        node: Node | None = self.root
        for token in tokens:
            node = node.children.get(token) if node else None
        return node

    def save(self, path: str | Path, key: str) -> None:
        """Write everything to a ``.npz`` file. ``key`` names model, prompt, grammar and settings; :meth:`load` asks for the same."""
        nodes, parents, through = [self.root], [-1], [-1]
        for at, node in enumerate(nodes):
            for token, child in node.children.items():
                nodes.append(child)
                parents.append(at)
                through.append(token)
        owners = [at for at, node in enumerate(nodes) for _ in node.bounds]
        kept = [(at, node.allowed) for at, node in enumerate(nodes) if node.allowed is not None]
        target = Path(path)
        scratch = target.with_name(f".{target.name}.{os.getpid()}.npz")
        np.savez(
            scratch,
            key=np.array(key),
            scalars=np.array([self.bound, self.emitted_mass]),
            parents=np.array(parents),
            through=np.array(through),
            bound_owner=np.array(owners, np.int64),
            bound_token=np.array([token for node in nodes for token in node.bounds], np.int64),
            bound_value=np.array([bound for node in nodes for bound in node.bounds.values()], np.float64),
            kept=np.array([at for at, _ in kept], np.int64),
            kept_size=np.array([allowed.tokens.size for _, allowed in kept], np.int64),
            kept_tokens=np.concatenate([*(allowed.tokens for _, allowed in kept), np.empty(0, np.int32)]),
            kept_log_probs=np.concatenate([allowed.log_probs for _, allowed in kept]) if kept else np.empty(0),
        )
        scratch.replace(target)

    @classmethod
    def load(cls, path: str | Path, key: str, size: int, memory: Memory | None = None) -> Self:
        """Read what :meth:`save` wrote. Raises :class:`ModelChanged` if the file was saved under another key."""
        trie = cls(size, memory)
        with np.load(path, allow_pickle=False) as file:
            if str(file["key"]) != key:
                raise ModelChanged(f"{path} was saved for {str(file['key'])!r}, not for {key!r}", param="path")
            nodes = [trie.root]
            for parent, token in zip(file["parents"][1:].tolist(), file["through"][1:].tolist(), strict=True):
                nodes.append(nodes[parent].children.setdefault(token, Node()))
            for owner, token, bound in zip(
                file["bound_owner"].tolist(), file["bound_token"].tolist(), file["bound_value"].tolist(), strict=True
            ):
                nodes[owner].bounds[token] = bound
            ends = np.cumsum(file["kept_size"])
            tokens, log_probs = file["kept_tokens"].astype(np.int32), file["kept_log_probs"]
            for at, end, length in zip(file["kept"].tolist(), ends.tolist(), file["kept_size"].tolist(), strict=True):
                found = log_probs[end - length : end]
                possible = found > -math.inf
                trie.keep(nodes[at], Allowed(tokens[end - length : end][possible], found[possible]))
            trie.bound, trie.emitted_mass = (float(value) for value in file["scalars"])
        return trie

    @property
    def _all(self) -> NDArray[np.int32]:
        return np.arange(self.size + 1, dtype=np.int32)
