"""Environments: worlds in which an agent acts and observes, one action at a time."""

from eudoxus.agents.environments.base import EffectClass, Environment, Observation, Setting, Token
from eudoxus.agents.environments.instance import Instance
from eudoxus.agents.environments.registry import setting, settings
from eudoxus.agents.environments.task import AgentTask

__all__ = ["AgentTask", "EffectClass", "Environment", "Instance", "Observation", "Setting", "Token", "setting", "settings"]
