"""HiGHS (Huangfu and Hall 2018): linear and mixed-integer linear programs."""

from __future__ import annotations

from fractions import Fraction
from math import inf
from typing import Any

from eudoxus.solvers.backends.answer import Answer
from eudoxus.solvers.formulation.data import decimal
from eudoxus.solvers.formulation.linearising import Program
from eudoxus.solvers.formulation.terms import Number

_WHOLE = 1e-6
"""What a value may be away from a whole number."""


def solve(program: Program, seconds: float) -> Answer:
    """Solve a MILP on one thread. Values of whole variables are rounded, those of others are the shortest decimals of their floats."""
    import highspy
    import numpy

    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (("output_flag", False), ("threads", 1), ("time_limit", seconds), ("mip_rel_gap", 0.0)):
        highs.setOptionValue(option, value)
    highs.passModel(_model(program, highspy, numpy))
    highs.run()
    status = highs.getModelStatus()
    known = highspy.HighsModelStatus
    if status == known.kUnboundedOrInfeasible:  # presolve proves no more: without a cost only infeasible is left
        status = known.kUnbounded if _feasible(program, seconds, highspy, numpy) else known.kInfeasible
    if status in (known.kInfeasible, known.kModelEmpty) and program.unknowns:
        return Answer("infeasible")
    if status == known.kUnbounded:
        return Answer("unbounded")
    info = highs.getInfo()
    if status == known.kOptimal or (status == known.kModelEmpty and not program.rows):
        return Answer("optimal", _values(program, highs))
    if info.primal_solution_status == 2:
        bound = info.mip_dual_bound if any(one.kind != "real" for one in program.unknowns) else -inf
        return Answer("feasible", _values(program, highs), decimal(bound) if abs(bound) < inf else None, f"stopped after {seconds:g} s")
    if status == known.kModelEmpty:
        return Answer("infeasible")
    return Answer("unknown", detail=f"HiGHS: {highs.modelStatusToString(status).lower()}")


def _feasible(program: Program, seconds: float, highspy: Any, numpy: Any) -> bool:
    highs = highspy.Highs()
    for option, value in (("output_flag", False), ("threads", 1), ("time_limit", seconds)):
        highs.setOptionValue(option, value)
    model = _model(program, highspy, numpy)
    model.col_cost_ = numpy.zeros(len(program.unknowns))
    highs.passModel(model)
    highs.run()
    return bool(highs.getModelStatus() == highspy.HighsModelStatus.kOptimal)


def _model(program: Program, highspy: Any, numpy: Any) -> Any:
    columns = len(program.unknowns)
    cost = numpy.zeros(columns)
    for variable, factor in program.cost.items():
        cost[variable] = float(factor)
    starts, places, factors = [0], list[int](), list[float]()
    for row in program.rows:
        places += row.terms.keys()
        factors += map(float, row.terms.values())
        starts.append(len(places))
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns, len(program.rows)
    model.col_cost_, model.offset_ = cost, float(program.constant)
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
