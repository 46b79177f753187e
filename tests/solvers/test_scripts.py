"""z3 scripts that a model wrote: what runs, what counts, and what a hostile one gets."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from eudoxus.runtime.errors import InvalidTask
from eudoxus.sandbox import close_shared
from eudoxus.solvers.formulation.document import Formulation
from eudoxus.solvers.scripts import REFUSED, Claim, Script, ScriptSettings, configure_scripts
from tests.solvers.formulating import BUSES, FORMULATION, defined, run, said

SCRIPT = """
import z3
seats, cost = {"minibus": 12, "coach": 40}, {"minibus": 90, "coach": 220}
n = {kind: z3.Int("n " + kind) for kind in seats}
solver = z3.Optimize()
for kind in n:
    solver.assert_and_track(n[kind] >= 0, "no fewer than 0 of " + kind)
solver.assert_and_track(z3.Sum([seats[k] * n[k] for k in n]) >= 100, "seats for all")
solver.assert_and_track(z3.Sum([n[k] for k in n]) <= DRIVERS, "a driver each")
total = z3.Sum([cost[k] * n[k] for k in n])
solver.minimize(total)
status = solver.check()
if status == z3.sat:
    model = solver.model()
    result = {"status": "optimal", "objective": model.eval(total), "values": {k: model.eval(n[k]) for k in n}}
else:
    result = {"status": "infeasible"}
"""
GIVEN = FORMULATION | {"sets": {"TYPES": ["minibus", "coach"]}, "params": {key: BUSES.constants[key] for key in ("seats", "cost")}}
GOOD = SCRIPT.replace("DRIVERS", "8")
RIGHT, BAD = json.dumps({"right": True}), json.dumps({"right": False, "why": "There are 3 drivers."})


def fenced(code: str) -> str:
    return f"Here it is:\n```python\n{code}\n```"


@pytest.fixture
async def scripts() -> AsyncIterator[None]:
    configure_scripts(ScriptSettings(python=True))
    yield
    await close_shared()


async def test_without_the_operators_leave_no_model_is_asked_and_nothing_runs():
    with pytest.raises(InvalidTask, match="EUDOXUS_SOLVERS_PYTHON") as refused:
        await run("llmfp(form=python)", BUSES, [fenced(GOOD)])
    assert refused.value.param == "params.form"
    assert (await Script(code=GOOD).run()).model_dump(include={"status", "message"}) == {"status": "refused", "message": REFUSED}


def test_it_is_off_by_default_and_one_variable_turns_it_on(monkeypatch: pytest.MonkeyPatch):
    assert ScriptSettings().python is False
    monkeypatch.setenv("EUDOXUS_SOLVERS_PYTHON", "true")
    assert ScriptSettings().python is True


async def test_a_script_is_written_run_solved_again_by_our_own_z3_and_assessed(scripts: None):
    result, endpoint = await run("llmfp(form=python)", BUSES, [defined(), fenced(GOOD), RIGHT])
    assert (endpoint.calls, result.outcome, result.authority) == (3, "best_effort", "solver")
    assert result.answer == "The optimum is 620.\nn coach = 2\nn minibus = 2"
    assert result.artifacts["claim"]["objective"] == 620
    assert "The optimum is 620." in said(endpoint, 2)


async def test_a_script_without_a_solution_is_told_by_the_names_of_what_it_tracked(scripts: None):
    result, _ = await run("llmfp(form=python,lean=true,max_iters=0)", BUSES, [fenced(SCRIPT.replace("DRIVERS", "2"))])
    assert result.answer == "There is no solution: no fewer than 0 of minibus, seats for all, a driver each cannot all hold together."
    assert result.authority == "solver"


async def test_what_is_wrong_with_a_script_goes_back_with_its_line(scripts: None):
    broken = GOOD.replace("import z3\n", "import z3\nnumber = 1 / 0\n")
    result, endpoint = await run("llmfp(form=python,lean=true,max_iters=0)", BUSES, [fenced(broken), fenced(GOOD)])
    assert endpoint.calls == 2
    assert "the script: line 2: ZeroDivisionError: division by zero" in said(endpoint, 1)
    assert result.authority == "solver"


async def test_an_objection_of_the_model_has_the_script_written_anew(scripts: None):
    result, endpoint = await run("llmfp(form=python,lean=true)", BUSES, [fenced(GOOD), BAD, fenced(SCRIPT.replace("DRIVERS", "3")), RIGHT])
    assert "What is wrong with it: There are 3 drivers." in said(endpoint, 2)
    assert result.answer.startswith("The optimum is 660.")


@pytest.mark.parametrize(("forged", "reason"), [
    (GOOD + "result['objective'] = 1", "the optimum is 1, and of the constraints and the objective in `solver` it is 620"),
    (GOOD + "result = {'status': 'infeasible'}", "`result` says infeasible, and z3 says sat"),
    (GOOD + "result = {'status': 'verified'}", "result.status: Input should be"),
    (GOOD + "solver = result = None", "it leaves neither `solver`"),
    (GOOD + "import os; os._exit(0)", "the script:"),
])
async def test_a_forged_verdict_is_not_believed(scripts: None, forged: str, reason: str):
    result, endpoint = await run("llmfp(form=python,lean=true,max_iters=0)", BUSES, [fenced(forged), fenced(GOOD)])
    assert reason in said(endpoint, 1)
    assert result.answer.startswith("The optimum is 620.")


async def test_a_script_that_prints_our_lines_itself_gets_no_more_than_its_constraints_are_worth(scripts: None):
    told = json.dumps({"result": {"status": "optimal", "objective": 1}, "constraints": "(declare-const x Int)(assert (= x 7))(minimize x)"})
    printing = f"import os, sys\nsys.stdout.write({chr(30) + 'eudoxus ' + told!r})\nsys.stdout.flush()\nos.kill(os.getpid(), 9)"
    found = await Script(code=printing).run()
    assert found.status == "wrong"
    claimed = "result = {'status': 'optimal', 'objective': 1, 'values': {'x': 7}}"
    bare = f"import sys\n{claimed}\nsys.stdout.write({chr(30) + 'eudoxus ' + told!r})"
    result, _ = await run("llmfp(form=python,lean=true,max_iters=0)", BUSES, [fenced(bare)])
    assert (result.authority, result.outcome) == ("none", "best_effort")
    assert result.answer.startswith("The script says: optimal with the objective 1.")
    assert "nothing but the script's word" in result.detail


async def test_an_optimum_without_an_objective_is_the_scripts_word(scripts: None):
    found = GOOD.replace("z3.Optimize()", "z3.Solver()").replace("solver.minimize(total)", "")
    result, _ = await run("llmfp(form=python,lean=true,max_iters=0)", BUSES, [fenced(found)])
    assert (result.authority, result.outcome) == ("none", "best_effort")
    assert "`solver` holds no objective" in result.detail


@pytest.mark.parametrize("objective", [
    "'1e999999999'", "'9' * 999", "float('nan')", "float('inf')", "'\\ud800'", "10 ** 4000", "'x' * 5000",
])
async def test_an_objective_that_is_no_number_costs_nothing_and_breaks_nothing(scripts: None, objective: str):
    code = GOOD + f"result['objective'] = {objective}"
    result, _ = await run("llmfp(form=python,lean=true,max_iters=0)", BUSES, [fenced(code), fenced(GOOD)])
    assert result.authority == "solver" and result.answer.startswith("The optimum is 620.")


async def test_where_the_sandbox_has_no_z3_no_script_is_judged(scripts: None):
    hiding = "raise ModuleNotFoundError(\"No module named 'z3'\")"
    result, endpoint = await run("llmfp(form=python,lean=true)", BUSES, [fenced(hiding)])
    assert (endpoint.calls, result.outcome) == (1, "failed")
    assert "z3 is not installed" in result.detail


async def test_a_script_reads_no_file_of_the_service_and_writes_none(scripts: None, tmp_path: Path):
    secret = tmp_path / "secret.txt"
    secret.write_text("swordfish")
    for act in (f"open({str(secret)!r}).read()", f"open({str(tmp_path / 'new.txt')!r}, 'w').write('x')",
                f"z3.parse_smt2_file({str(secret)!r})", "open('/proc/self/environ').read()",
                f"z3.open_log({str(tmp_path / 'log.txt')!r}) or 1 / 0"):
        found = await Script(code=f"import z3\nresult = {{'status': 'feasible', 'values': {{'x': str({act})}}}}").run()
        assert found.status == "wrong", act
        assert "swordfish" not in found.message
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]


async def test_a_solver_that_is_told_to_write_a_file_writes_none(scripts: None, tmp_path: Path):
    target = tmp_path / "out.txt"
    text = f'(set-option :regular-output-channel "{target}")(declare-const x Int)(assert (> x 1))(check-sat)'
    await Script(code=f"import z3\nsolver = z3.Solver()\nsolver.from_string({text!r})").run()
    assert not target.exists()


async def test_a_script_opens_no_socket_and_starts_no_process(scripts: None):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for act in (f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)",
                    "import subprocess; subprocess.run(['/bin/true'])", "import os; os.fork()"):
            found = await Script(code=f"{act}\nresult = {{'status': 'optimal'}}").run()
            assert found.status == "wrong", act


async def test_a_script_that_hangs_or_eats_memory_is_ended_in_time(scripts: None):
    growing = "import z3\nx = z3.Int('x')\nfor _ in range(40): x = x * x + x\nsolver = z3.Solver()\nsolver.add(x == 7)\nsolver.check()\n"
    hanging = ["while True: pass", growing + "while True: pass"]
    for code in hanging:
        start = time.monotonic()
        found = await asyncio.wait_for(Script(code=code, seconds=1.0).run(), 30)
        assert found.status == "wrong" and "was ended" in found.message, found
        assert time.monotonic() - start < 15
    eater = await Script(code="kept = []\nwhile True: kept.append(bytearray(1 << 24))", seconds=10.0, memory_mb=128).run()
    assert eater.status == "wrong" and ("memory" in eater.message or "MemoryError" in eater.message)
    flood = await Script(code="print('x' * (3 << 20))\nresult = {'status': 'optimal'}").run()
    assert flood.status == "wrong"
    assert (await Script(code=GOOD).run()).status == "ran"


async def test_the_model_tells_what_was_found_where_it_is_asked_to(scripts: None):
    result, endpoint = await run("llmfp(form=python,lean=true,max_iters=0,prose=model)", BUSES, [fenced(GOOD), "Two of each, for 620."])
    assert (endpoint.calls, result.answer) == (2, "Two of each, for 620.\n\nThe optimum is 620.\nn coach = 2\nn minibus = 2")


async def test_a_spent_budget_gives_what_there_is(scripts: None):
    result, _ = await run("llmfp(form=python,lean=true)", BUSES, [fenced(GOOD), RIGHT], requests=1)
    assert (result.outcome, result.authority, result.answer.splitlines()[0]) == ("limit", "solver", "The optimum is 620.")


async def test_a_task_with_a_formulation_takes_no_script(scripts: None):
    with pytest.raises(InvalidTask, match="form=json"):
        await run("llmfp(form=python)", BUSES.model_copy(update={"formulation": Formulation.model_validate(GIVEN)}), [])


@pytest.mark.parametrize("value", [
    {"status": "optimal", "values": {"x": [1]}}, {"status": "optimal", "objective": {"a": 1}}, {"values": {}}])
def test_a_claim_is_plain_data(value: Any):
    with pytest.raises(ValueError, match="validation error"):
        Claim.model_validate(value)

