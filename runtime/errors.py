"""The one tree of errors. HTTP, the command line and Python share each error's ``code``.

An error tells a person what to do: it names the field or place, the value, and what was expected.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar


class EudoxusError(Exception):
    """Base of every error that a user may see.

    ``code`` is stable and machine-readable; ``str(error)`` is one or more sentences for a person; ``param`` names the field at
    fault, as a JSON pointer or a plain name, when there is one.
    """

    code: ClassVar[str] = "internal"
    retryable: bool = False
    """Whether the same request may succeed later without any change."""

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param

    def __str__(self) -> str:
        return self.message


# What the caller wrote is wrong -----------------------------------------------------------------------------------------


class InvalidRequest(EudoxusError):
    """The request cannot be understood or asks for something that this service refuses."""

    code = "invalid_request"


class UnsupportedParameter(InvalidRequest):
    """A field that is known, but not supported in this combination; refused by name, never ignored."""

    code = "unsupported_parameter"


class InvalidTask(InvalidRequest):
    """The task does not fit the strategy, or a strategy could not read its task from chat messages."""

    code = "invalid_task"


class SpecError(InvalidRequest):
    """A strategy specification cannot be read. ``at`` is a zero-based column in ``text``; the message shows it with a caret."""

    code = "invalid_spec"

    def __init__(self, reason: str, *, text: str = "", at: int | None = None, length: int = 1, param: str | None = "model") -> None:
        self.reason, self.text, self.at = reason, text, at
        shown = reason
        if text and at is not None:
            shown = f"{text}\n{' ' * at}{'^' * max(1, length)} {reason}"
        super().__init__(shown, param=param)


class UnknownStrategy(SpecError):
    """No strategy of this name is registered."""

    code = "unknown_strategy"

    def __init__(self, name: str, *, did_you_mean: Sequence[str] = (), text: str = "", at: int = 0) -> None:
        self.name, self.did_you_mean = name, list(did_you_mean)
        hint = f"; did you mean {' or '.join(repr(s) for s in did_you_mean)}?" if did_you_mean else ""
        reason = f"no strategy is called {name!r}{hint} ('eudoxus strategies' lists them; raw/NAME passes a model name as it is)"
        super().__init__(reason, text=text or name, at=at, length=len(name))


class UnknownEndpoint(SpecError):
    """The specification names an endpoint that the configuration does not have."""

    code = "unknown_endpoint"

    def __init__(self, name: str, *, known: Sequence[str] = (), text: str = "", at: int = 0) -> None:
        self.name = name
        have = f"configured: {', '.join(known)}" if known else "none is configured: set OPENAI_BASE_URL or EUDOXUS_ENDPOINTS"
        reason = f"no endpoint is called {name!r} ({have}; raw/{text[at:] or name} would pass it whole to the default endpoint)"
        super().__init__(reason, text=text or name, at=at, length=len(name))


class InvalidParams(InvalidRequest):
    """A strategy's parameter is unknown, of the wrong type, or out of range."""

    code = "invalid_params"


class CapabilityMissing(InvalidRequest):
    """The endpoint lacks something that the strategy or request needs, and it cannot be emulated."""

    code = "capability_missing"


class PromptError(EudoxusError):
    """A prompt file is missing or malformed, or was rendered with a missing or superfluous placeholder."""

    code = "prompt_error"


# The world outside did not answer as hoped ------------------------------------------------------------------------------


class EndpointError(EudoxusError):
    """A model endpoint did not give a usable answer. ``status`` is its HTTP status when it had one."""

    code = "upstream_error"

    def __init__(self, message: str, *, endpoint: str = "", status: int | None = None, retryable: bool | None = None,
                 param: str | None = None) -> None:
        super().__init__(message, param=param)
        self.endpoint, self.status = endpoint, status
        if retryable is not None:
            self.retryable = retryable


class EndpointAuthError(EndpointError):
    """The endpoint refused our key (401 or 403)."""

    code = "upstream_auth"


class EndpointRateLimited(EndpointError):
    """The endpoint still said 429 after every retry that the policy allows."""

    code = "upstream_rate_limited"
    retryable = True


class EndpointUnavailable(EndpointError):
    """The endpoint could not be reached or kept failing (connection errors, 5xx, truncated answers)."""

    code = "upstream_unavailable"
    retryable = True


class EndpointTimeout(EndpointError):
    """The endpoint did not answer within the time allowed."""

    code = "upstream_timeout"
    retryable = True


class MalformedAnswer(EndpointError):
    """The endpoint answered something that is not a chat completion (HTML, an empty choice list, broken JSON)."""

    code = "upstream_malformed"


class NoAnswerRecorded(EndpointError):
    """A replaying endpoint has no recorded answer to this request; the message says how to point at a model."""

    code = "no_recorded_answer"


class EffectFailed(EudoxusError):
    """An outside act other than a model call (planner, sandbox, solver, tool) failed for good."""

    code = "effect_failed"


# The run's own limits and records ---------------------------------------------------------------------------------------


class BudgetSpent(EudoxusError):
    """A limit is reached. Strategies need not catch it: the run ends with the best answer so far and ``outcome: limit``."""

    code = "budget_exceeded"

    def __init__(self, limit: str, allowed: float, spent: float) -> None:
        self.limit, self.allowed, self.spent = limit, allowed, spent
        super().__init__(f"the limit of {allowed:g} {limit} is reached ({spent:g} used or asked for)", param=f"budget.{limit}")


class ScopeError(EudoxusError):
    """A context was used from a task that does not own its scope, or under an invalid name. A bug in the strategy."""

    code = "scope_error"


class JournalError(EudoxusError):
    """Base of what can go wrong with a journal."""

    code = "journal_error"


class JournalDamaged(JournalError):
    """A journal line is not what was written. ``line`` is 1-based."""

    code = "journal_damaged"

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


class JournalFull(JournalError):
    """A record could not be written (disk full, I/O error). Everything acknowledged before it is kept."""

    code = "journal_full"
    retryable = True


class Fenced(JournalError):
    """Another worker has taken this run over; this one must stop and write nothing more."""

    code = "fenced"


class NotRecorded(JournalError):
    """Strict replay came to a call that the journal does not hold."""

    code = "not_recorded"


class Diverged(JournalError):
    """The journal holds another request under this path: the strategy, a prompt or an input changed since it was recorded."""

    code = "diverged"

    def __init__(self, path: str, difference: str) -> None:
        self.path, self.difference = path, difference
        super().__init__(f"{path}: the recorded request and the present one differ\n{difference}")


def error_record(error: EudoxusError) -> dict[str, Any]:
    """The error as the journal keeps it: enough to raise the same error again (:func:`raise_recorded`)."""
    record: dict[str, Any] = {"code": error.code, "message": error.message, "retryable": error.retryable}
    if error.param is not None:
        record["param"] = error.param
    if isinstance(error, BudgetSpent):
        record |= {"limit": error.limit, "allowed": error.allowed, "spent": error.spent}
    if isinstance(error, EndpointError):
        record |= {"endpoint": error.endpoint, "status": error.status}
    return record


def recorded_error(record: dict[str, Any]) -> EudoxusError:
    """Rebuild the error of the same class from what the journal keeps; where no loaded module has that class, one with its code."""
    if refusal := recorded_refusal(record):
        return refusal
    cls = _by_code().get(record["code"], EndpointError if "endpoint" in record else EffectFailed)
    if issubclass(cls, EndpointError):
        error: EudoxusError = cls(record["message"], endpoint=record.get("endpoint", ""), status=record.get("status"))
    else:
        error = cls.__new__(cls)
        EudoxusError.__init__(error, record["message"])
    error.param = record.get("param")
    error.retryable = record["retryable"]
    if error.code != record["code"]:
        error.__dict__["code"] = record["code"]  # which a replay records again
    return error


def recorded_refusal(record: dict[str, Any] | None) -> BudgetSpent | None:
    """The refusal of a budget that the journal keeps, if any."""
    return BudgetSpent(record["limit"], record["allowed"], record["spent"]) if record and record["code"] == BudgetSpent.code else None


def _by_code() -> dict[str, type[EudoxusError]]:
    found: dict[str, type[EudoxusError]] = {}
    queue: list[type[EudoxusError]] = [EudoxusError]
    while queue:
        cls = queue.pop()
        found[cls.code] = cls
        queue.extend(cls.__subclasses__())
    return found
