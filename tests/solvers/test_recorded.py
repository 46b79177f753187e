"""Published optima, recomputed: OptiGuide's coffee questions, LLMFP's generated queries, NL4Opt through templates."""

from __future__ import annotations

import copy
import json
import lzma
import math
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from eudoxus.solvers.deciding import Clock, Decided, decide, evaluator
from eudoxus.solvers.formulation.document import Formulation
from eudoxus.solvers.formulation.grounding import ground

DATA = Path(os.environ.get("EUDOXUS_DATA", "/nowhere"), "planning")
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the recorded data are not here (EUDOXUS_DATA)")

COFFEE_CONSTRAINTS = [
    {"name": "capacity", "forall": ["s in S"], "expr": "sum(x[s, r] for r in R) <= cap[s]"},
    {"name": "flow", "forall": ["r in R"], "expr": "sum(x[s, r] for s in S) == sum(light[r, c] + dark[r, c] for c in C)"},
    {"name": "light demand", "forall": ["c in C"], "expr": "sum(light[r, c] for r in R) >= need_light[c] * (1 + more_light[c] / 100)"},
    {"name": "dark demand", "forall": ["c in C"], "expr": "sum(dark[r, c] for r in R) >= need_dark[c] * (1 + more_dark[c] / 100)"},
]
COFFEE_COST = ("sum(x[s, r] * to_roastery[s, r] for s in S for r in R) + sum(roast_light[r] * light[r, c] + roast_dark[r] * dark[r, c]"
               " + (light[r, c] + dark[r, c]) * to_cafe[r, c] for r in R for c in C)")


def constants(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(DATA, "llmfp", "task_constants.json").read_text())[name]
    return found


def coffee() -> dict[str, Any]:
    given = constants("coffee")
    shipped = {"type": "int", "lb": 0}
    cafes = list(given["light_coffee_needed_for_cafe"])
    return {
        "sets": {"S": list(given["capacity_in_supplier"]), "R": list(given["roasting_cost_light"]), "C": cafes},
        "params": {
            "cap": given["capacity_in_supplier"], "to_roastery": given["shipping_cost_from_supplier_to_roastery"],
            "to_cafe": given["shipping_cost_from_roastery_to_cafe"], "roast_light": given["roasting_cost_light"],
            "roast_dark": given["roasting_cost_dark"], "need_light": given["light_coffee_needed_for_cafe"],
            "need_dark": given["dark_coffee_needed_for_cafe"], "more_light": dict.fromkeys(cafes, 0), "more_dark": dict.fromkeys(cafes, 0)},
        "variables": {"x": {**shipped, "index": ["S", "R"]}, "light": {**shipped, "index": ["R", "C"]},
                      "dark": {**shipped, "index": ["R", "C"]}},
        "constraints": copy.deepcopy(COFFEE_CONSTRAINTS),
        "objective": {"sense": "min", "expr": COFFEE_COST}}


def asked(question: dict[str, Any]) -> dict[str, Any]:
    """The coffee model as a question changes it."""
    model = coffee()
    params, extra = model["params"], []
    roastery, cafe, supplier = (question.get(f"VALUE-{one}") for one in ("ROASTERY", "CAFE", "SUPPLIER"))
    match question["TYPE"]:
        case "demand-increase" | "demand-increase-light":
            for more in ("more_light", "more_dark")[: 2 if question["TYPE"] == "demand-increase" else 1]:
                params[more] = {**params[more], cafe: question["VALUE-NUMBER"]}
        case "supplier-capacity":
            params["cap"] = {**params["cap"], supplier: params["cap"][supplier] / 2}
        case "supplier-roastery-shipping":
            params["to_roastery"] = {**params["to_roastery"], f"{supplier}|{roastery}": question["VALUE-NUMBER"]}
        case "supply-roastery":
            extra = [{"name": "asked", "expr": f"x['{supplier}', '{roastery}'] == 0"}]
        case "incompatible-roastery-cafes" | "exclusive-roastery-cafe":
            extra = [{"name": "others", "forall": ["c in C"], "if": f"c != '{cafe}'",
                      "expr": f"light['{roastery}', c] + dark['{roastery}', c] == 0"}]
            if question["TYPE"].startswith("exclusive"):
                extra.append({"name": "only", "forall": ["r in R"], "if": f"r != '{roastery}'",
                              "expr": f"light[r, '{cafe}'] + dark[r, '{cafe}'] == 0"})
    model["constraints"] += extra
    return model


def decided(model: dict[str, Any]) -> tuple[Decided, float | None]:
    document = Formulation.model_validate(model).document()
    grounded = ground(document)
    found = decide(document, grounded, None, Clock(30), 1024)
    return found, None if found.answer.values is None else float(evaluator(document, grounded, found.answer).cost())


def test_the_coffee_questions_have_their_published_answers():
    questions = json.loads(lzma.decompress(Path(DATA, "llmfp", "optiguide_coffee.json.xz").read_bytes()))["questions"]
    known: dict[str, tuple[str, float | None]] = {}
    wrong = []
    for question in questions:
        model = asked(question)
        key = json.dumps(model, sort_keys=True)
        if key not in known:
            found, cost = decided(model)
            known[key] = found.answer.status, cost
        published = question["GT EXEC RESULT"]
        expected = ("optimal", published) if isinstance(published, int | float) else ("infeasible", None)
        if known[key][0] != expected[0] or (expected[1] is not None and not math.isclose(known[key][1] or 0, expected[1], rel_tol=1e-6)):
            wrong.append((question["QUESTION"], published, known[key]))
    assert len(questions) == 273 and wrong == []


def test_llmfp_s_generated_queries_have_their_stored_optima():
    queries = [json.loads(line) for line in Path(DATA, "llmfp", "generated_tasks.jsonl").read_text().splitlines()]
    wrong = []
    for query in queries:
        found, cost = decided(allocation(query) if query["task"] == "task_allocation" else warehouse(query))
        if found.answer.status != "optimal" or not math.isclose(cost or 0, query["optimal"], rel_tol=1e-6):
            wrong.append((query["task"], query["index"], found.answer.status, cost, query["optimal"]))
    assert len(queries) == 100 and wrong == []


def allocation(query: dict[str, Any]) -> dict[str, Any]:
    """Tasks of three kinds go to robots that work side by side; the last to finish counts."""
    return {
        "sets": {"ROBOTS": ["A", "B", "C"], "KINDS": "range(3)"},
        "params": {"time": constants("task_allocation")["robot_work_time"], "count": query["task_number"]},
        "variables": {"n": {"type": "int", "index": ["ROBOTS", "k in KINDS"], "lb": 0, "ub": "count[k]"}},
        "constraints": [{"name": "all done", "forall": ["k in KINDS"], "expr": "sum(n[r, k] for r in ROBOTS) == count[k]"}],
        "objective": {"sense": "min", "expr": "max(sum(time[r, k] * n[r, k] for k in KINDS) for r in ROBOTS)"}}


def warehouse(query: dict[str, Any]) -> dict[str, Any]:
    """The shortest way that stops, task by task, at a station where the task can be done."""
    given, tasks = constants("warehouse"), query["task_ids"]
    stations = [given["station_task_info"][str(task)] for task in tasks]
    layers = [[given["origin"]], *stations, [given["origin"]]]
    steps = [[i, a, b] for i, (here, there) in enumerate(pairwise(layers)) for a in here for b in there]
    distance = {f"{i}|{a}|{b}": math.dist(given["coordinates"][a], given["coordinates"][b]) for i, a, b in steps}
    inner = [[i, s] for i, layer in enumerate(layers) for s in layer if 0 < i < len(layers) - 1]
    return {
        "sets": {"STEPS": steps, "STOPS": inner}, "params": {"distance": distance},
        "variables": {"go": {"type": "bool", "index": ["STEPS"]}},
        "constraints": [
            {"name": "begins", "expr": "sum(go[i, a, b] for (i, a, b) in STEPS if i == 0) == 1"},
            {"name": "goes on", "forall": ["(j, s) in STOPS"],
             "expr": "sum(go[i, a, b] for (i, a, b) in STEPS if i == j - 1 and b == s)"
                     " == sum(go[i, a, b] for (i, a, b) in STEPS if i == j and a == s)"}],
        "objective": {"sense": "min", "expr": "sum(distance[i, a, b] * go[i, a, b] for (i, a, b) in STEPS)"}}


WORDS = {"twice": 2, "half": "1/2", "two": 2, "three": 3, "thrice": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
         "third": "1/3", "a third": "1/3"}
RELATIONS = {"LESS_OR_EQUAL": "<=", "GREATER_OR_EQUAL": ">=", "EQUAL": "=="}


def amount(said: str) -> float | str:
    text = said.lower().replace(",", "").replace(" percent", "%").removesuffix(" times")
    return WORDS[text] if text in WORDS else text if text.endswith("%") else float(text)


def nl4opt(pair: dict[str, Any], kind: str) -> dict[str, Any]:
    """A gold form as templates."""
    order, names = pair["order_mapping"], [f"v{i}" for i in range(len(pair["vars"]))]

    def terms(found: dict[str, str]) -> dict[str, float | str]:
        return {names[order[one]]: amount(times) for one, times in found.items()}

    templates: list[dict[str, Any]] = []
    for place, one in enumerate(pair["constraints"]):
        form: dict[str, Any] = {"name": f"c{place}", "type": one["type"]}
        relation = RELATIONS[one["operator"]]
        match one["type"]:
            case "linear":
                form |= {"terms": terms(one["terms"]), "op": relation, "limit": amount(one["limit"])}
            case "lowerbound" | "upperbound":
                side = "lowerbound" if relation == ">=" else "upperbound"
                form |= {"var": names[order[one["var"]]], "limit": amount(one["limit"]), "type": side}
            case "sum":
                form |= {"vars": names, "op": relation, "limit": amount(one["limit"])}
            case "xby" | "xy":
                form |= {"x": names[order[one["x_var"]]], "y": names[order[one["y_var"]]], "op": relation,
                         "times": amount(one.get("param", "1"))}
            case "ratio":
                form |= {"x": names[order[one["var"]]], "vars": names, "op": relation, "share": amount(one["limit"])}
        templates.append(form)
    goal = pair["objective"]
    factors = terms(goal["terms"] if "terms" in goal else dict.fromkeys(goal["vars"], "1"))
    cost = " + ".join(f"{str(times).replace('%', ' / 100')} * {name}" for name, times in factors.items())
    return {"variables": {name: {"type": kind, "lb": 0} for name in names}, "templates": templates,
            "objective": {"sense": "max" if goal["direction"].startswith("max") else "min", "expr": cost}}


def test_nl4opt_s_verified_pairs_through_templates():
    pairs = [json.loads(line) for line in Path(DATA, "nl4opt", "verified_pairs.jsonl").read_text().splitlines()]
    wrong = []
    for pair in pairs:
        kinds = {"int": ["int"], "real": ["real"]}.get(pair["variable_kind"], ["int", "real"])
        costs = [decided(nl4opt(pair, kind))[1] for kind in kinds]
        if not all(cost is not None and abs(cost - pair["answer"]) <= 1e-4 * abs(pair["answer"]) + 0.01 for cost in costs):
            wrong.append((pair["index"], pair["answer"], costs))
    assert len(pairs) == 208 and wrong == []
