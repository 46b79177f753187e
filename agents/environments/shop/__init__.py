"""A small shop on the web, made from a seed: pages, forms and a few traps, for agents that browse."""

from eudoxus.agents.environments.shop.environment import Shop

__all__ = ["Shop"]
