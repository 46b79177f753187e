"""Model endpoints: what they are (:class:`Endpoint`), how they are configured, and the registry of those in use."""

from eudoxus.runtime.endpoints.base import Call, Capabilities, Endpoint, Health
from eudoxus.runtime.endpoints.config import EndpointConfig, FurtherConfig, ManualConfig, OpenAIConfig, Price, ReplayConfig
from eudoxus.runtime.endpoints.registry import Endpoints

__all__ = [
    "Call", "Capabilities", "Endpoint", "EndpointConfig", "Endpoints", "FurtherConfig", "Health", "ManualConfig", "OpenAIConfig", "Price",
    "ReplayConfig",
]
