"""What a formulation costs beside a script written by hand: ``python -m benchmarks.solvers [--quick]``.

Two models of 1,000 constraints: a transport problem for HiGHS, and the colouring of a graph for z3. Each is solved by ``Solve`` of Eudoxus,
which reads the formulation, checks it, solves it in a process of its own and evaluates every constraint on the answer; and by a script that
builds the same model through the solver's Python interface and prints the optimum. They take turns, in processes of their own; figures are
processor time, of children too, and the median over the rounds. Then the time from a formulation to a solver's input for 100 to 20,000
constraints. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

import orjson

from eudoxus.solvers.formulation.document import Formulation
from eudoxus.solvers.formulation.grounding import ground
from eudoxus.solvers.formulation.linearising import linearised
from eudoxus.solvers.solving import Solve
from eudoxus.solvers.worker import OBJECTS

ROUNDS, QUICK_ROUNDS = 9, 3
SIZES = (100, 1_000, 5_000, 20_000)
GOAL, GROWTH_GOAL = 1.3, 1.3
PLACES = 500
ARCS = 4
NODES, EDGES, COLOURS = 300, 1_000, 5

BY_HAND_HIGHS = """
import json, sys
import highspy
given = json.load(sys.stdin)
highs = highspy.Highs()
highs.setOptionValue("output_flag", False)
highs.setOptionValue("threads", 1)
flow = {(s, c): highs.addVariable(lb=0, obj=cost) for s, c, cost in given["arcs"]}
out, into = {}, {}
for (s, c), variable in flow.items():
    out.setdefault(s, []).append(variable)
    into.setdefault(c, []).append(variable)
for s, cap in given["cap"].items():
    highs.addConstr(sum(out[s][1:], out[s][0]) <= cap)
for c, need in given["need"].items():
    highs.addConstr(sum(into[c][1:], into[c][0]) >= need)
highs.minimize()
print(highs.getInfo().objective_function_value)
"""
BY_HAND_Z3 = """
import json, sys
import z3
given = json.load(sys.stdin)
colour = [z3.Int(f"c{n}") for n in range(given["nodes"])]
solver = z3.Solver()
for one in colour:
    solver.add(one >= 1, one <= given["colours"])
for a, b in given["edges"]:
    solver.add(colour[a] != colour[b])
print(solver.check())
model = solver.model()
print([model.eval(one, model_completion=True).as_long() for one in colour][:3])
"""


def transport(rows: int, rng: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """A transport problem with that many constraints, as a formulation and as plain data. Every customer has ``ARCS`` suppliers."""
    count = rows // 2
    suppliers, customers = [f"s{n}" for n in range(count)], [f"c{n}" for n in range(count)]
    costs = {(suppliers[(at + step * step) % count], customer): rng.randint(1, 20)
             for at, customer in enumerate(customers) for step in range(ARCS)}
    arcs = [(s, c, cost) for (s, c), cost in costs.items()]
    cap, need = {s: rng.randint(20, 30) for s in suppliers}, {c: rng.randint(1, 10) for c in customers}
    served: dict[str, list[str]] = {s: [] for s in suppliers}
    servers: dict[str, list[str]] = {c: [] for c in customers}
    for s, c, _ in arcs:
        served[s].append(c)
        servers[c].append(s)
    document = {
        "sets": {"S": suppliers, "C": customers, "ARCS": [[s, c] for s, c, _ in arcs]},
        "params": {"cap": cap, "need": need, "cost": {f"{s}|{c}": cost for s, c, cost in arcs}, "served": served, "servers": servers},
        "variables": {"flow": {"type": "real", "index": ["ARCS"], "lb": 0}},
        "constraints": [{"name": "capacity", "forall": ["s in S"], "expr": "sum(flow[s, c] for c in served[s]) <= cap[s]"},
                        {"name": "demand", "forall": ["c in C"], "expr": "sum(flow[s, c] for s in servers[c]) >= need[c]"}],
        "objective": {"sense": "min", "expr": "sum(cost[s, c] * flow[s, c] for (s, c) in ARCS)"}}
    return document, {"arcs": arcs, "cap": cap, "need": need}


def colouring(rng: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """A random graph whose neighbours must differ."""
    edges = sorted({tuple(sorted(rng.sample(range(NODES), 2))) for _ in range(2 * EDGES)})
    edges = rng.sample(edges, EDGES)
    document = {
        "sets": {"N": f"range({NODES})", "EDGES": [list(edge) for edge in edges]},
        "variables": {"colour": {"type": "int", "index": ["N"], "lb": 1, "ub": COLOURS}},
        "constraints": [{"name": "different", "forall": ["(a, b) in EDGES"], "expr": "colour[a] != colour[b]"}]}
    return document, {"nodes": NODES, "colours": COLOURS, "edges": edges}


def measured(rounds: int) -> dict[str, Any]:
    """``{"cpu_ms": {model: {contender: ms}}, "compile_us": {rows: microseconds a row}}``."""
    models = {"transport (HiGHS)": (transport(2 * PLACES, random.Random(1)), BY_HAND_HIGHS, "highs"),
              "colouring (z3)": (colouring(random.Random(2)), BY_HAND_Z3, "z3")}
    taken: dict[str, dict[str, list[float]]] = {name: {"ours": [], "by hand": []} for name in models}
    for number in range(rounds + 1):
        print(f"round {number} of {rounds}", file=sys.stderr, flush=True)
        for name, ((document, plain), script, backend) in models.items():
            ours = _processor(lambda document=document, backend=backend: _ours(document, backend))  # type: ignore[misc]
            by_hand = _processor(lambda plain=plain, script=script: _by_hand(plain, script))  # type: ignore[misc]
            if number:  # the first brings files into the cache
                taken[name]["ours"].append(ours)
                taken[name]["by hand"].append(by_hand)
    cpu = {name: {who: round(1000 * statistics.median(found), 1) for who, found in by_who.items()} for name, by_who in taken.items()}
    return {"cpu_ms": cpu, "compile_us": {str(rows): compile_us(rows) for rows in SIZES}}


def compile_us(rows: int) -> float:
    """Microseconds a row from a formulation to a solver's input: the best of three."""
    document = Formulation.model_validate(transport(rows, random.Random(3))[0]).document()
    best, usual = float("inf"), gc.get_threshold()
    gc.set_threshold(OBJECTS)  # as in a solver's process
    for _ in range(3):
        start = time.process_time()
        linearised(ground(document))
        best = min(best, time.process_time() - start)
    gc.set_threshold(*usual)
    return round(1e6 * best / rows, 2)


def line(found: dict[str, Any], *, quick: bool) -> dict[str, Any]:
    """The JSON object at the end."""
    goals = []
    for name, cpu in found["cpu_ms"].items():
        times = round(cpu["ours"] / cpu["by hand"], 3)
        what = f"{name}: processor time of ours / by hand, 1,000 constraints"
        goals.append({"what": what, "goal": GOAL, "measured": times, "met": times <= GOAL})
    growth = round(found["compile_us"][str(SIZES[-1])] / found["compile_us"][str(SIZES[1])], 3)
    what = f"time a row at {SIZES[-1]:,} rows / at {SIZES[1]:,}"
    goals.append({"what": what, "goal": GROWTH_GOAL, "measured": growth, "met": growth <= GROWTH_GOAL})
    return {"benchmark": "solvers", "quick": quick, "figures": found, "goals": goals}


def table(found: dict[str, Any]) -> str:
    """For people."""
    lines = [f"{'1,000 constraints, processor ms':34}{'ours':>10}{'by hand':>10}{'ratio':>8}"]
    for name, cpu in found["cpu_ms"].items():
        lines.append(f"{name:34}{cpu['ours']:10.1f}{cpu['by hand']:10.1f}{cpu['ours'] / cpu['by hand']:8.2f}")
    lines.append(f"\n{'formulation to solver input':34}" + "".join(f"{int(rows):>10,}" for rows in found["compile_us"]))
    lines.append(f"{'microseconds a constraint':34}" + "".join(f"{us:10.2f}" for us in found["compile_us"].values()))
    return "\n".join(lines)


def _ours(document: dict[str, Any], backend: Any) -> None:
    found = asyncio.run(Solve(formulation=Formulation.model_validate(document), backend=backend, explain=False).run())
    if found.status != "optimal":
        raise SystemExit(f"not measured: ours says {found.status} {found.detail}")


def _by_hand(plain: dict[str, Any], script: str) -> None:
    subprocess.run([sys.executable, "-c", script], input=orjson.dumps(plain), check=True, stdout=subprocess.DEVNULL)


def _processor(work: Any) -> float:
    def used() -> float:
        return sum(one.ru_utime + one.ru_stime for one in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))

    start = used()
    work()
    return used() - start


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.solvers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds")
    quick = parser.parse_args().quick
    found = measured(QUICK_ROUNDS if quick else ROUNDS)
    print(table(found))
    print(orjson.dumps(line(found, quick=quick)).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
