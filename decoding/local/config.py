"""The configuration of an endpoint of the type ``local``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from eudoxus.decoding.local.loading import Runtime
from eudoxus.runtime.endpoints import Endpoint, FurtherConfig


class LocalConfig(FurtherConfig):
    """A model in this process. It is loaded when it is asked for the first time."""

    type: Literal["local"] = "local"
    model: str = Field("tiny", min_length=1)
    """``tiny`` or ``tiny-weak``, which the package brings, or a model directory of the operator's."""
    runtime: Runtime = "auto"
    """*onnx*: ``model.onnx`` through onnxruntime. *transformers*: safetensors through torch. *auto*: onnx where it can be."""
    threads: int = Field(1, ge=1, le=1024)
    """Threads that compute one answer."""
    device: str = Field("cpu", pattern=r"^(cpu|mps|cuda(:\d+)?)$")
    """Where transformers computes."""
    name: str | None = Field(None, min_length=1)
    """Name of the model to list and to ask for; by default ``tiny``, ``tiny-weak``, or the name of the directory."""
    max_tokens: int = Field(1024, ge=1)
    """Longest answer of requests that do not say it."""
    max_concurrency: int = Field(1, ge=1, le=256)
    """Answers generated at a time; more requests wait."""
    timeout_s: float = Field(300.0, gt=0)
    """Seconds for one request once it is its turn."""
    sessions: int = Field(4, ge=1, le=1024)
    """Prompts whose keys and values are kept for the next request that begins alike."""

    def endpoint(self, name: str) -> Endpoint:
        from eudoxus.decoding.local.endpoint import LocalEndpoint

        return LocalEndpoint(self, name=name)
