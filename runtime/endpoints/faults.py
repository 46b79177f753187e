"""What went wrong at an OpenAI-compatible server, as errors that tell a person what to do."""

from __future__ import annotations

import re

import orjson

from eudoxus.runtime.endpoints.config import OpenAIConfig
from eudoxus.runtime.endpoints.retry import RETRIED, Failed, asks_to_wait, may_retry
from eudoxus.runtime.endpoints.secrets import Redactor
from eudoxus.runtime.endpoints.transport import Answer, AnswerTooLong, ConnectFailed, ConnectionBroken, TimedOut, TransportError
from eudoxus.runtime.endpoints.wire import UpstreamFault, error_message
from eudoxus.runtime.errors import (
    EndpointAuthError,
    EndpointError,
    EndpointRateLimited,
    EndpointTimeout,
    EndpointUnavailable,
    MalformedAnswer,
)

EXCERPT = 300
"""Characters of a server's own words in a message."""

_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)


class Faults:
    """Makes errors about one endpoint. Every word of the server passes the redactor first."""

    def __init__(self, name: str, config: OpenAIConfig) -> None:
        self.name = name
        self.address = config.base_url.split("?")[0]
        self._key_env, self._has_key = config.api_key_env, config.key() is not None
        self._redacted = Redactor([*([key] if (key := config.key()) else []), *config.headers.values()])

    def answered(self, answer: Answer, model: str) -> Failed:
        """A status other than success."""
        again = may_retry(answer.status, answer.headers)
        error = self._of_status(answer.status, self.excerpt(answer.body), model)
        error.retryable = again
        return Failed(error, reason=str(answer.status), again=again, wait=asks_to_wait(answer.headers))

    def _of_status(self, status: int, said: str, model: str) -> EndpointError:
        shown = f"{status}: {said}" if said else str(status)
        if status in (401, 403):
            message = f"the endpoint {self.name!r} refused access ({shown}); {self._key_advice()}"
            return EndpointAuthError(message, endpoint=self.name, status=status)
        if status == 404:
            return EndpointError(f"the endpoint {self.name!r} has no model {model!r} ({shown})", endpoint=self.name, status=status)
        if status == 429:
            return EndpointRateLimited(f"the endpoint {self.name!r} is at its rate limit ({shown})", endpoint=self.name, status=status)
        if 300 <= status < 400:
            moved = f"{self.address} redirects ({status}), which is not followed; set endpoints.{self.name}.base_url to the new address"
            return EndpointError(moved, endpoint=self.name, status=status)
        if status in RETRIED or status >= 500:
            return EndpointUnavailable(f"the endpoint {self.name!r} fails ({shown})", endpoint=self.name, status=status)
        return EndpointError(f"the endpoint {self.name!r} refused the request ({shown})", endpoint=self.name, status=status)

    def reported(self, fault: UpstreamFault, model: str) -> Failed:
        """An error inside an answer of status 200."""
        if fault.status is not None:
            return self.answered(Answer(fault.status, {}, str(fault).encode()), model)
        message = f"the endpoint {self.name!r} reports: {self.excerpt(str(fault).encode())}"
        return Failed(EndpointUnavailable(message, endpoint=self.name, retryable=False), reason="error in the answer", again=False)

    def transport(self, error: TransportError) -> Failed:
        """No answer at all, or half of one."""
        said = self._redacted(str(error))
        if isinstance(error, ConnectFailed):
            unreachable = EndpointUnavailable(f"cannot connect to the endpoint {self.name!r} at {self.address}: {said}", endpoint=self.name)
            return Failed(unreachable, reason="no connection", again=True)
        if isinstance(error, ConnectionBroken):
            return self.cut()
        if isinstance(error, TimedOut):
            late = EndpointTimeout(f"the endpoint {self.name!r} does not answer: {said}", endpoint=self.name)
            return Failed(late, reason="silent", again=False)
        what = said if isinstance(error, AnswerTooLong) else f"the answer is {said}"
        odd = MalformedAnswer(f"the endpoint {self.name!r} at {self.address}: {what}", endpoint=self.name)
        return Failed(odd, reason="malformed", again=False)

    def cut(self) -> Failed:
        """An answer that ended too early."""
        error = EndpointUnavailable(f"the endpoint {self.name!r} broke its answer off", endpoint=self.name)
        return Failed(error, reason="answer broken off", again=True)

    def malformed(self, why: str, body: bytes) -> Failed:
        """A successful status with something else than a chat completion."""
        hint = f"; is {self.address} the right base_url?" if body.lstrip()[:1] == b"<" else ""
        message = f"the endpoint {self.name!r} answered something that is not a chat completion ({why}): {self.excerpt(body)!r}{hint}"
        return Failed(MalformedAnswer(message, endpoint=self.name, status=200), reason="malformed", again=False)

    def late(self, seconds: float) -> EndpointTimeout:
        """The caller's time is over."""
        return EndpointTimeout(f"the endpoint {self.name!r} did not answer within {seconds:g} s", endpoint=self.name)

    def no_key(self) -> EndpointAuthError:
        """The configured variable is empty, so that asking is pointless."""
        return EndpointAuthError(f"the endpoint {self.name!r} has no key: {self._key_advice()}", endpoint=self.name)

    def _key_advice(self) -> str:
        if self._key_env:
            return f"set the environment variable {self._key_env} to a valid key"
        also = " (or OPENAI_API_KEY in the environment)" if self.name == "openai" else ""
        wrong = "replace the key in" if self._has_key else "no key is configured: set"
        return f"{wrong} endpoints.{self.name}.api_key or api_key_env{also}"

    def excerpt(self, body: bytes) -> str:
        """The beginning of what the server said, in one line, without markup and keys."""
        text = body[: 64 * 1024].decode("utf-8", "replace")
        try:
            said = orjson.loads(body)
        except orjson.JSONDecodeError:
            text = _TAGS.sub(" ", text)
        else:
            # Only an error is unwrapped: of anything else the shape is what matters.
            if isinstance(said, dict) and not said.get("choices") and (said.keys() & {"error", "detail", "message"}):
                text = error_message(said.get("error") or said.get("detail") or said.get("message"))
        text = " ".join(self._redacted(text).split())
        return text if len(text) <= EXCERPT else text[:EXCERPT] + "…"
