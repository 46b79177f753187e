"""The answer is JSON that follows a schema."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any, ClassVar, Literal

import jsonschema_rs
import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from eudoxus.agents.problem import schema_program
from eudoxus.agents.problem.base import ProblemVerifier
from eudoxus.agents.problem.extractors import AnswerExtractor, Json
from eudoxus.agents.problem.schema_program import complaint_of, validator_of
from eudoxus.runtime import Context, Effect, Verdict
from eudoxus.runtime.result import Authority

LARGEST_SCHEMA = 64_000
"""Characters of a schema as JSON."""
SECONDS = 5.0


def _is_schema(schema: dict[str, Any]) -> dict[str, Any]:
    if len(orjson.dumps(schema)) > LARGEST_SCHEMA:
        raise ValueError(f"the schema has more than {LARGEST_SCHEMA:,} characters as JSON")
    try:
        validator_of(schema)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise ValueError(f"not a JSON schema: {getattr(error, 'message', None) or error}") from None
    return schema


class FollowsSchema(ProblemVerifier):
    """The answer is JSON and follows a schema."""

    model_config = ConfigDict(serialize_by_alias=True)

    kind: Literal["json_schema"] = "json_schema"
    authority: ClassVar[Authority] = "exact"
    extractor: ClassVar[AnswerExtractor] = Json()
    schema_: Annotated[dict[str, Any], AfterValidator(_is_schema)] = Field(alias="schema")
    """The JSON schema, of any draft that ``$schema`` names."""

    async def verify(self, ctx: Context, answer: str) -> Verdict:
        try:
            value = orjson.loads(answer)
        except orjson.JSONDecodeError as error:
            return self.refused(f"the answer is not JSON: {error}")
        schema = orjson.dumps(self.schema_).decode()
        if any(sign in schema for sign in ('$ref"', 'Ref"', '"pattern')):
            # References that lead back can make the work exponential in the depth of the answer, and patterns step back.
            found = await ctx.perform(CheckJson(json_schema=schema, value=answer))
            return self.accepted() if not found.complaint else self.refused(f"the answer breaks its JSON schema: {found.complaint}")
        complaint = complaint_of(self.schema_, value)
        return self.accepted() if not complaint else self.refused(f"the answer breaks its JSON schema: {complaint}")


class Complaint(BaseModel):
    """What is wrong; empty when nothing is."""

    complaint: str


class CheckJson(Effect[Complaint]):
    """Validate in a process of its own, within a limit of time."""

    kind: ClassVar[str] = "json_schema"
    result: ClassVar[type[BaseModel]] = Complaint

    json_schema: str
    value: str

    async def run(self) -> Complaint:
        """A validation that takes too long is a complaint."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", schema_program.__file__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL)
        try:
            async with asyncio.timeout(SECONDS):
                said, _ = await process.communicate(orjson.dumps([self.json_schema, self.value]))
        except TimeoutError:
            return Complaint(complaint=f"validating takes more than {SECONDS:g} seconds")
        finally:
            if process.returncode is None:
                process.kill()
                await asyncio.shield(process.wait())
        return Complaint(complaint=orjson.loads(said) if process.returncode == 0 else "validating failed")
