"""HiGHS (Huangfu and Hall 2018): linear and mixed-integer linear programs."""

from __future__ import annotations

from fractions import Fraction
from math import inf
from time import monotonic  # noqa: TID251  (a solver's limit is real time)
from typing import Any

from eudoxus.solvers.backends.answer import Answer, Unsuitable
from eudoxus.solvers.formulation.data import decimal
from eudoxus.solvers.formulation.program import Program
from eudoxus.solvers.formulation.terms import Number

_WHOLE = 1e-6
"""What a value may be away from a whole number."""
_ZERO, _LARGE, _INFINITE = Fraction(1, 10**7), 10**12, 10**20
"""HiGHS leaves out coefficients below 1e-9; with a tolerance of 1e-6 those near it say as little."""
_SMALL_UNIT, _LARGE_UNIT = Fraction(1, 10), 10**6


def solve(program: Program, seconds: float) -> Answer:
    """Solve a MILP on one thread. Values of whole variables are rounded, those of others are the shortest decimals of their floats."""
    import highspy
    import numpy

    _look_at_sizes(program)
    end, unit = monotonic() + seconds, _unit(program.cost)
    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (("output_flag", False), ("threads", 1), ("time_limit", seconds), ("mip_rel_gap", 0.0), ("mip_abs_gap", 0.0)):
        highs.setOptionValue(option, value)
    highs.passModel(_model(program, unit, highspy, numpy))
    highs.run()
    status = highs.getModelStatus()
    known = highspy.HighsModelStatus
    if status == known.kUnboundedOrInfeasible:  # presolve proves no more: without a cost only infeasible is left
        status = known.kUnbounded if _feasible(program, max(0.1, end - monotonic()), highspy, numpy) else known.kInfeasible
    if status in (known.kInfeasible, known.kModelEmpty) and program.unknowns:
        return Answer("infeasible")
    if status == known.kUnbounded:
        return Answer("unbounded")
    info = highs.getInfo()
    if status == known.kOptimal or (status == known.kModelEmpty and not program.rows):
        return Answer("optimal", _values(program, highs))
    if info.primal_solution_status == 2:
        bound = info.mip_dual_bound if any(one.kind != "real" for one in program.unknowns) else -inf
        best = decimal(bound) * unit if abs(bound) < inf else None
        return Answer("feasible", _values(program, highs), best, f"stopped after {seconds:g} s")
    if status == known.kModelEmpty:
        return Answer("infeasible")
    return Answer("unknown", detail=f"HiGHS: {highs.modelStatusToString(status).lower()}")


def _feasible(program: Program, seconds: float, highspy: Any, numpy: Any) -> bool:
    highs = highspy.Highs()
    for option, value in (("output_flag", False), ("threads", 1), ("time_limit", seconds)):
        highs.setOptionValue(option, value)
    model = _model(program, 1, highspy, numpy)
    model.col_cost_ = numpy.zeros(len(program.unknowns))
    highs.passModel(model)
    highs.run()
    return bool(highs.getModelStatus() == highspy.HighsModelStatus.kOptimal)


def _look_at_sizes(program: Program) -> None:
    """Raises :class:`Unsuitable` for what HiGHS would take as zero or as infinite."""
    bounds = [bound for one in program.unknowns for bound in (one.lower, one.upper)]
    bounds += [bound for row in program.rows for bound in (row.lower, row.upper)]
    if any(bound is not None and not -_INFINITE < bound < _INFINITE for bound in bounds):
        raise Unsuitable(f"a bound beyond {float(_INFINITE):.0e}, which HiGHS takes as none")
    for row in program.rows:
        if not all(map(_fits, row.terms.values())):
            raise Unsuitable(f"a coefficient below {float(_ZERO):.0e} or beyond {float(_LARGE):.0e}, too small or too large for floats")


def _fits(factor: Number) -> bool:
    if isinstance(factor, int):
        return -_LARGE < factor < _LARGE
    return not factor or _ZERO <= abs(factor) < _LARGE


def _unit(cost: dict[int, Number]) -> Number:
    """What the objective is counted in: HiGHS takes differences of 1e-7 as none, however small all coefficients are."""
    largest: Number = max((factor if factor > 0 else -factor for factor in cost.values()), default=0)
    return largest if largest and not _SMALL_UNIT <= largest <= _LARGE_UNIT else 1


def _model(program: Program, unit: Number, highspy: Any, numpy: Any) -> Any:
    columns = len(program.unknowns)
    cost = numpy.zeros(columns)
    for variable, factor in program.cost.items():
        cost[variable] = float(factor / unit) if unit != 1 else float(factor)
    starts, places, factors = [0], list[int](), list[float]()
    for row in program.rows:
        places += row.terms.keys()
        factors += map(float, row.terms.values())
        starts.append(len(places))
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns, len(program.rows)
    model.col_cost_, model.offset_ = cost, float(Fraction(program.constant) / unit)
    model.sense_ = highspy.ObjSense.kMinimize if program.sense == "min" else highspy.ObjSense.kMaximize
    model.col_lower_ = numpy.array([_float(one.lower, -inf) for one in program.unknowns])
    model.col_upper_ = numpy.array([_float(one.upper, inf) for one in program.unknowns])
    model.row_lower_ = numpy.array([_float(row.lower, -inf) for row in program.rows])
    model.row_upper_ = numpy.array([_float(row.upper, inf) for row in program.rows])
    matrix = model.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kRowwise
    matrix.start_, matrix.index_, matrix.value_ = numpy.array(starts), numpy.array(places, dtype=numpy.int32), numpy.array(factors)
    integer, continuous = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
    model.integrality_ = [continuous if one.kind == "real" else integer for one in program.unknowns]
    return model


def _float(value: Number | None, otherwise: float) -> float:
    return otherwise if value is None else float(value)


def _values(program: Program, highs: Any) -> list[Number]:
    found: list[Number] = []
    for unknown, value in zip(program.unknowns, highs.getSolution().col_value, strict=True):
        if unknown.kind != "real" and abs(value - round(value)) <= _WHOLE * max(1.0, abs(value)):
            found.append(round(value))
        else:
            found.append(decimal(value) if value == value and abs(value) < inf else Fraction(0))
    return found
