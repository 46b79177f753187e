"""CP-SAT (Perron and Furnon, OR-Tools): whole variables with finite bounds. Never in a process that has loaded HiGHS."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

from eudoxus.solvers.backends.answer import Answer, Unsuitable
from eudoxus.solvers.formulation.data import decimal
from eudoxus.solvers.formulation.program import Program
from eudoxus.solvers.formulation.terms import Number

_MOST = 1 << 53


def solve(program: Program, seconds: float) -> Answer:
    """Solve a program whose variables are all whole and bounded, on one thread. Raises :class:`Unsuitable` for others."""
    try:
        from ortools.sat.python import cp_model
    except ImportError:
        raise Unsuitable("CP-SAT is not installed: pip install 'eudoxus[cp-sat]'") from None
    model, variables = cp_model.CpModel(), []
    for unknown in program.unknowns:
        if unknown.kind == "real" or unknown.lower is None or unknown.upper is None:
            raise Unsuitable(f"CP-SAT needs whole variables with both bounds, and {unknown.label} is not one")
        variables.append(model.new_int_var(-int(-unknown.lower // 1), int(unknown.upper // 1), unknown.label))
    for row in program.rows:
        factor = lcm(*(times.denominator for times in row.terms.values()), 1)
        value = sum(_whole(times * factor) * variables[at] for at, times in row.terms.items())
        if row.lower is not None:
            model.add(value >= _whole(-int(-row.lower * factor // 1)))
        if row.upper is not None:
            model.add(value <= _whole(int(row.upper * factor // 1)))
    scale = lcm(*(times.denominator for times in program.cost.values()), 1)
    if program.cost:
        cost = sum(_whole(times * scale) * variables[at] for at, times in program.cost.items())
        model.minimize(cost) if program.sense == "min" else model.maximize(cost)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds, solver.parameters.num_workers, solver.parameters.random_seed = seconds, 1, 0
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return Answer("infeasible", exact=True)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Answer("unknown", detail=f"CP-SAT: {solver.status_name(status).lower()}")
    values: list[Number] = [solver.value(variable) for variable in variables]
    if status == cp_model.OPTIMAL:
        return Answer("optimal", values, exact=True)
    bound = Fraction(decimal(solver.best_objective_bound)) / scale + program.constant if program.cost else None
    return Answer("feasible", values, bound, f"stopped after {seconds:g} s", exact=True)


def _whole(value: Number) -> int:
    if value.denominator != 1 or not -_MOST <= value <= _MOST:
        raise Unsuitable(f"CP-SAT takes no coefficient such as {value}")
    return value.numerator
