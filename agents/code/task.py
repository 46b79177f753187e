"""Code tasks: a function to be written, and the tests that may be seen."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from eudoxus import sandbox
from eudoxus.agents.code.reply import NoProgram, program_in
from eudoxus.agents.code.running import run_tests
from eudoxus.agents.code.statement import entry_point_in, header_in
from eudoxus.agents.code.syntax import compilable, complaint, identifier
from eudoxus.agents.code.visible import asserts_in, visible_tests
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, ChatTask, Context, Task, Verdict
from eudoxus.runtime.errors import InvalidTask

TestsFrom = Literal["given", "docstring", "generated"]


class CodeTask(Task):
    """Write a program in Python that does what ``statement`` asks.

    The entry point, where it is not given, is found in the statement or the tests; tests, where none are given and ``tests_from`` is not
    either, in the examples of the statement.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    kind: ClassVar[str] = "code"

    statement: str = Field(min_length=1, max_length=100_000)
    """What is asked, as written: a header with a docstring, or prose."""
    entry_point: str | None = Field(None, max_length=200)
    """The function to be written."""
    tests: tuple[str, ...] = Field((), max_length=1000)
    """Visible tests: Python asserts that call the entry point."""
    tests_from: TestsFrom = "given"
    """Where the tests come from. Generated ones, which a model wrote, verify nothing."""
    setup: str = Field("", max_length=100_000)
    """Python that comes before the program: imports and helpers."""
    limits: sandbox.Limits = Field(default_factory=sandbox.Limits)
    """What one run of all tests may use."""

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, said: Any) -> Any:
        if not isinstance(said, dict) or not isinstance(statement := said.get("statement"), str):
            return said
        given = said.get("tests")
        tests = [test for test in given if isinstance(test, str)] if isinstance(given, list | tuple) else []
        entry = said.get("entry_point") or entry_point_in(statement, tests)
        if not given and "tests_from" not in said and isinstance(entry, str) and (shown := visible_tests(statement, entry)):
            said = {**said, "tests": shown, "tests_from": "docstring"}
        return {**said, "entry_point": entry}

    _is_a_name = field_validator("entry_point")(identifier)

    @field_validator("tests")
    @classmethod
    def _tests_are_python(cls, tests: tuple[str, ...]) -> tuple[str, ...]:
        for number, test in enumerate(tests, start=1):
            if problem := complaint(test):
                raise ValueError(f"test {number} is no Python: {problem[1]}")
        return tests

    _is_python = field_validator("setup")(compilable)

    @property
    def header(self) -> str | None:
        """The header in the statement, if it has one: imports, helpers, and the function without its body."""
        return header_in(self.statement)

    def request(self, **defaults: Any) -> ChatRequest:
        return render("code/write", statement=self.statement, wanted=self.wanted).model_copy(update=defaults)

    @property
    def wanted(self) -> str:
        """In words for a prompt: the name of the function, and the tests that the statement does not show."""
        name = f"The function must be called {self.entry_point}." if self.entry_point else "The program must define a function."
        unseen = [test for test in self.tests if test not in self.statement] if self.tests_from == "given" else []
        return name + ("\n\nThese tests must pass:\n" + "\n".join(unseen) if unseen else "")

    async def verify(self, ctx: Context, answer: str) -> Verdict | None:
        """The visible tests on the program in ``answer``, run in the sandbox; None when the task has none.

        The authority is ``model`` where a model wrote the tests, else ``public_tests``.
        """
        authority: Literal["model", "public_tests"] = "model" if self.tests_from == "generated" else "public_tests"
        if not self.tests:
            return None
        try:
            program = program_in(answer, self)
        except NoProgram as problem:
            return Verdict(ok=False, authority=authority, feedback=str(problem))
        tried = await run_tests(ctx, program, self)
        return Verdict(ok=tried.ok, score=tried.score, authority=authority, feedback="" if tried.ok else tried.feedback)

    @classmethod
    def from_chat(cls, task: ChatTask) -> Self:
        """Read the statement from what the user says, with a header in it or a function named, and tests from its asserts and examples.

        Raises :class:`InvalidTask` showing a message that would work.
        """
        statement = "\n\n".join(message.text for message in task.messages if message.role == "user").strip()
        asserts = asserts_in(statement)
        entry = entry_point_in(statement, asserts)
        if entry is None:
            raise InvalidTask(_how_to_ask("no function was found that is to be written"), param="messages")
        given = asserts_in(statement, entry)
        tests = tuple(dict.fromkeys((*given, *visible_tests(statement, entry))))
        try:
            return cls(statement=statement, entry_point=entry, tests=tests, tests_from="given" if given or not tests else "docstring")
        except ValidationError as error:
            reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
            raise InvalidTask(_how_to_ask(reason), param="messages") from None


def _how_to_ask(reason: str) -> str:
    return (
        f"a code task names a Python function, but {reason}. Give its header, or its name and how it is called; asserts and examples in "
        "the message become tests. This message would work:\n\n"
        '```python\ndef middle(numbers: list[int]) -> float:\n    """The median of the numbers.\n\n    >>> middle([3, 1, 2])\n    2\n'
        '    """\n```'
    )
