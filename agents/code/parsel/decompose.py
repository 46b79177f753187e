"""From a task in English to a Parsel program (§3 of the paper): first an algorithm in words, then its translation into Parsel."""

from __future__ import annotations

import ast
from dataclasses import replace

from eudoxus.agents.code.parsel.asking import read_program
from eudoxus.agents.code.parsel.check import faults
from eudoxus.agents.code.parsel.language import Argument, ParselError, Program
from eudoxus.agents.code.parsel.targets import Python
from eudoxus.agents.code.statement import function_in, header_tree
from eudoxus.agents.code.task import CodeTask
from eudoxus.prompts import render
from eudoxus.runtime import Completion, Context, Message

SKETCH_TEMPERATURE, TRANSLATION_TEMPERATURE, PRESENCE = 0.6, 0.2, 0.1
"""As in the paper's code."""


async def sketch(task: CodeTask, ctx: Context) -> str:
    """An algorithm in words, with the edge cases that it minds."""
    request = render("parsel/sketch", statement=task.statement, wanted=task.wanted)
    reply = (await ctx.complete(request.model_copy(update={"temperature": SKETCH_TEMPERATURE})))[0]
    return reply.text.rpartition("</think>")[2].strip()


async def translated(said: str, task: CodeTask, most: int, ctx: Context) -> Program:
    """The algorithm ``said`` as a Parsel program of at most ``most`` functions, asked for once more when it cannot be used.

    The root has the task's name and arguments. Raises :class:`ParselError`.
    """
    sampling = {"temperature": TRANSLATION_TEMPERATURE, "presence_penalty": PRESENCE}
    request = render("parsel/program", statement=task.statement, wanted=task.wanted, sketch=said, most=str(most))
    reply = (await ctx.complete(request.model_copy(update=sampling)))[0]
    try:
        return usable(reply, task, most)
    except ParselError as error:
        told = render("parsel/program_again", problem=str(error))
        history = (*request.messages, Message(role="assistant", content=reply.text), *told.messages)
        again = told.model_copy(update={"messages": history, **sampling})
    return usable((await ctx.complete(again))[0], task, most)


def surroundings(task: CodeTask) -> Python:
    """The target of a code task: with its setup, and what its header defines beside the function to be written."""
    header = task.header
    tree = header_tree(header) if header else None
    others = [node for node in tree.body if getattr(node, "name", None) != task.entry_point] if tree else []
    setup = "\n\n".join(filter(None, [task.setup.strip(), ast.unparse(ast.Module(others, [])) if others else ""]))
    return Python(setup=setup, helpers=setup, limits=task.limits)


def usable(reply: Completion, task: CodeTask, most: int) -> Program:
    """The program in a reply, with the header of the task for its root. Raises :class:`ParselError` where it cannot be used."""
    program = read_program(reply)
    root, entry = program.root, task.entry_point
    if entry and root.name != entry:
        raise ParselError(f"the first function must be {entry}, not {root.name}", line=root.line, column=1)
    if len(program.functions) > most:
        raise ParselError(f"the program has {len(program.functions)} functions; at most {most} are allowed")
    header = task.header
    node = function_in(header, entry) if header and entry else None
    if node is not None:
        wanted = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        if [a.name for a in root.arguments] != wanted:
            raise ParselError(f"{root.name} must take the arguments ({', '.join(wanted)})", line=root.line, column=1)
        root = replace(root, arguments=_arguments(node), returns=(ast.unparse(node.returns),) if node.returns else root.returns)
    if task.tests:
        root = replace(root, constraints=())
    program = Program({**program.functions, root.name: root}, header=task.statement.strip())
    if wrong := faults(program, "python"):
        raise wrong[0]
    return program


def _arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[Argument, ...]:
    """The arguments as the task's header has them."""
    names = [*node.args.posonlyargs, *node.args.args]
    defaults = [None] * (len(names) - len(node.args.defaults)) + [ast.unparse(default) for default in node.args.defaults]
    types = [ast.unparse(a.annotation) if a.annotation else "" for a in names]
    return tuple(Argument(a.arg, type, default or "") for a, type, default in zip(names, types, defaults, strict=True))
