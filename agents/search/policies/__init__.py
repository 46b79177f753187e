"""Search algorithms: each decides only which nodes are expanded next."""

from eudoxus.agents.search.policies.archive import Archive
from eudoxus.agents.search.policies.beam import Beam
from eudoxus.agents.search.policies.depth_first import DepthFirst
from eudoxus.agents.search.policies.first import First
from eudoxus.agents.search.policies.prior_uct import PriorUct
from eudoxus.agents.search.policies.queue import Queue
from eudoxus.agents.search.policies.rollout import RandomRollout
from eudoxus.agents.search.policies.simulation import Simulation
from eudoxus.agents.search.policies.thompson import Thompson
from eudoxus.agents.search.policies.uct import Puct, Uct

__all__ = [
    "Archive", "Beam", "DepthFirst", "First", "PriorUct", "Puct", "Queue", "RandomRollout", "Simulation", "Thompson", "Uct",
]
