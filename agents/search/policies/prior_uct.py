"""Tree search by the priors of the proposer and the best return, as RethinkMCTS does it (Li et al. 2024, arXiv 2409.09584, §3)."""

from __future__ import annotations

import math
from typing import Literal, TypeVar

from eudoxus.agents.search.policies.uct import Descent
from eudoxus.agents.search.tree import Node

S = TypeVar("S")
A = TypeVar("A")

Formula = Literal["var_p_uct", "p_uct", "uct"]


class PriorUct(Descent[S, A]):
    """``Q + beta * P * sqrt(ln N) / (1 + n)``: Q is the best return through the child, 0 before there is one, n their number, P its prior.

    N is 1 plus the returns through the parent, so the first descent of all takes the child that is listed first. ``formula``: with
    *var_p_uct* ``beta = ln((N + base + 1) / base) + c`` grows with N; *p_uct* has ``beta = c``; *uct* is without P as well. A return loses
    a factor ``discount`` at every step upwards, the first of them at the node itself. Expansions under way count in N and n.
    """

    def __init__(self, *, formula: Formula = "var_p_uct", c: float = 4.0, base: float = 10.0, discount: float = 0.9) -> None:
        self._formula, self._c, self._base, self._discount = formula, c, base, discount

    def worth(self, parent: Node[S, A], child: Node[S, A]) -> float:
        seen = 1 + parent.visits + parent.in_flight
        beta = math.log((seen + self._base + 1) / self._base) + self._c if self._formula == "var_p_uct" else self._c
        prior = 1.0 if self._formula == "uct" else child.prior
        return child.value + beta * prior * math.sqrt(math.log(seen)) / (1 + child.visits + child.in_flight)

    def back_up(self, node: Node[S, A], reward: float) -> None:
        self.release((node,))
        for above in node.ancestors():
            reward *= self._discount
            above.value = max(above.value, reward) if above.visits else reward
            above.visits += 1
