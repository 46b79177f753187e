"""The answer is JSON that follows a schema."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any, ClassVar, Literal

import jsonschema_rs
import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from eudoxus.agents.problem.base import ProblemVerifier
from eudoxus.agents.problem.extractors import AnswerExtractor, Json
from eudoxus.runtime import Context, Effect, Verdict
from eudoxus.runtime.result import Authority

LARGEST_SCHEMA = 64_000
"""Characters of a schema as JSON."""
SECONDS = 5.0
_BACKTRACKS = 50_000
"""Steps back that one pattern of a schema may take on one text."""


def _is_schema(schema: dict[str, Any]) -> dict[str, Any]:
    if len(orjson.dumps(schema)) > LARGEST_SCHEMA:
        raise ValueError(f"the schema has more than {LARGEST_SCHEMA:,} characters as JSON")
    try:
        validator_of(schema)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise ValueError(f"not a JSON schema: {getattr(error, 'message', None) or error}") from None
    return schema


def validator_of(schema: dict[str, Any]) -> Any:
    """The compiled schema. References lead nowhere but into the schema itself: nothing is fetched."""
    return jsonschema_rs.validator_for(schema, offline=True, pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS))


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
        if '$ref"' in schema or 'Ref"' in schema:
            # References that lead back can make the work exponential in the depth of the answer: done where it can be ended.
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
        program = "import sys; from eudoxus.agents.problem.json_schema import main; main(sys.stdin.buffer.read())"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
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
        return Complaint.model_validate_json(said) if process.returncode == 0 else Complaint(complaint="validating failed")


def complaint_of(schema: dict[str, Any], value: Any) -> str:
    """The first thing wrong with ``value``; empty when nothing is."""
    try:
        found = next(iter(validator_of(schema).iter_errors(value)), None)
    except ValueError as error:
        return f"it cannot be validated: {error}"
    return f"{found.message} (at {'/'.join(map(str, found.instance_path)) or 'the top'})" if found is not None else ""


def main(said: bytes) -> None:
    """The process of :class:`CheckJson`: schema and value in, complaint out."""
    schema, value = orjson.loads(said)
    sys.stdout.write(Complaint(complaint=complaint_of(orjson.loads(schema), orjson.loads(value))).model_dump_json())
