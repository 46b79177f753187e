"""What the model is asked while a Parsel program is implemented: bodies, a function that is missing, and helpers to split one."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Sequence
from dataclasses import replace

from eudoxus.agents.code.parsel.combinations import Body
from eudoxus.agents.code.parsel.language import INDENT, Argument, Function, ParselError, Program
from eudoxus.agents.code.parsel.parse import parse
from eudoxus.agents.code.parsel.targets import NoBody, Target
from eudoxus.agents.code.reply import NoProgram, program_in
from eudoxus.agents.code.syntax import fenced, functions
from eudoxus.agents.code.task import CodeTask
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Completion, Context, Message

PROMPTS = [
    "parsel/body", "parsel/body_plan", "parsel/body_smt", "parsel/body_again", "parsel/helper", "parsel/split", "parsel/sketch",
    "parsel/program", "parsel/program_again",
]
MOST_HELPERS = 3
COOL, COLD = 0.2, 0.0


async def bodies_of(
    function: Function, program: Program, target: Target, count: int, temperature: float | None, ctx: Context, *, again: bool = True,
) -> list[Body]:
    """Definitions of ``function``, of ``count`` replies those that can be used; one more, told what is wrong, when none can (``again``)."""
    request = render(
        target.prompt, context=_paragraph(target.context()), header=_paragraph(program.header), helpers=_helpers(function, program, target),
        signature=function.signature, description=function.description, opening=target.opening(function), name=function.name,
        examples=_examples(function),
    ).model_copy(update={"temperature": temperature})
    found, problem, last = list[Body](), "", ""
    for reply in await ctx.complete(request, n=count):
        try:
            found.append(target.body(reply.text, function, program))
        except NoBody as error:
            problem, last = str(error), reply.text
    if not found and again:
        told = render("parsel/body_again", problem=problem, name=function.name)
        reply = (await ctx.complete(_continued(request, last, told, COOL)))[0]
        with contextlib.suppress(NoBody):
            found.append(target.body(reply.text, function, program))
    return found


async def a_helper(name: str, calls: Sequence[str], caller: str, program: Program, ctx: Context) -> Function | None:
    """The function ``name`` that bodies of ``caller`` call, described by its header and docstring; None when the reply has none."""
    function = program.functions[caller]
    request = render("parsel/helper", name=name, calls="\n".join(calls), signature=function.signature, description=function.description)
    reply = (await ctx.complete(request.model_copy(update={"temperature": COOL})))[0].text
    try:
        code = program_in(reply, CodeTask(statement=f"def {name}():\n    pass\n", entry_point=name, tests_from="generated"))
    except NoProgram:
        return None
    node = next(node for node in reversed(functions(ast.parse(code))) if node.name == name)
    if node.args.vararg or node.args.kwarg or node.args.kwonlyargs:
        return None
    described = " ".join((ast.get_docstring(node) or f"what {caller} needs it for: {'; '.join(calls[:3])}").split())
    names = [*node.args.posonlyargs, *node.args.args]
    without = len(names) - len(node.args.defaults)
    arguments = tuple(
        Argument(a.arg, ast.unparse(a.annotation) if a.annotation else "",
                 ast.unparse(node.args.defaults[at - without]) if at >= without else "")
        for at, a in enumerate(names)
    )
    returns = (ast.unparse(node.returns),) if node.returns else ()
    return Function(name, described, arguments, returns)


async def helpers_for(function: Function, program: Program, target: Target, ctx: Context) -> list[Function]:
    """At most three helpers that ``function`` can be written with. Raises :class:`ParselError` where the reply has none to use."""
    request = render("parsel/split", header=_paragraph(program.header), context=_paragraph(target.context()),
                     program=str(Program({function.name: replace(function, children=(), references=())})),
                     taken=", ".join(program.functions), most=str(MOST_HELPERS))
    reply = (await ctx.complete(request.model_copy(update={"temperature": COLD})))[0]
    split = read_program(reply)
    helpers = [replace(split.functions[name], children=(), references=(), constraints=()) for name in split.root.children][:MOST_HELPERS]
    if split.root.name != function.name or not helpers:
        raise ParselError(f"expected {function.name} with helpers below it")
    if faults := target.faults(Program({helper.name: helper for helper in helpers})):
        raise faults[0]
    return helpers


def read_program(reply: Completion) -> Program:
    """The Parsel program in a reply: its last fenced block, else all of it. Raises :class:`ParselError`."""
    text = reply.text.rpartition("</think>")[2]
    blocks = fenced(text)
    return parse(blocks[-1] if blocks else text)


def _continued(request: ChatRequest, reply: str, told: ChatRequest, temperature: float | None) -> ChatRequest:
    history = (*request.messages, Message(role="assistant", content=reply), *told.messages)
    return told.model_copy(update={"messages": history, "temperature": temperature})


def _helpers(function: Function, program: Program, target: Target) -> str:
    """The functions that may be called, as definitions without bodies."""
    lines = []
    for name in dict.fromkeys(function.uses):
        used = program.functions[name]
        own = f"{INDENT}(this function itself: recursion)" if name == function.name else ""
        lines.append(f"- {used.signature}: {used.description}{own}")
    return "\n".join(lines) or "(none)"


def _examples(function: Function) -> str:
    """The constraints for the prompt. The paper shows none; they say what a description leaves open, and are tried all the same."""
    lines = [f"{function.name}({c.arguments}) -> {c.expected}" for c in function.constraints[:10]]
    return _paragraph("It must hold that:\n" + "\n".join(line[:500] for line in lines)) if lines else ""


def _paragraph(text: str) -> str:
    return f"\n{text.strip()}\n" if text.strip() else ""
