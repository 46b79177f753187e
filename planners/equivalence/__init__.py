"""Whether two problems of a domain say the same, up to the names of their objects (Zuo et al. 2024, Planetarium, arXiv 2407.03321, §4)."""

from eudoxus.planners.equivalence.compare import Equivalence, compare, isomorphism_class

__all__ = ["Equivalence", "compare", "isomorphism_class"]
