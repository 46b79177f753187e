"""The engines of unified-planning that Eudoxus knows something of; any other can be named too."""

from __future__ import annotations

from eudoxus.planners.engines.base import Capability
from eudoxus.planners.engines.unified import UnifiedPlanning

_ADL = ("negative", "adl", "costs")

KNOWN: tuple[UnifiedPlanning, ...] = (
    UnifiedPlanning("symk", Capability(
        licence="GPL-3.0-only", install="pip install up-symk", features=_ADL, modes=("fast", "anytime", "optimal"),
        note="symbolic search: strong where optimal plans are wanted; takes about 0.5 GB at the least",
    ), "up_symk", (("optimal", "symk-opt"),)),
    UnifiedPlanning("lpg", Capability(
        licence="not clear: the adapter is Apache-2.0, see the planner's own terms", install="pip install up-lpg 'setuptools<81'",
        features=("costs", "numeric", "temporal"), modes=("fast", "anytime"), proves=False, note="local search: fast, with long plans",
    ), "up_lpg", (("anytime", "lpg-anytime"),), ("pkg_resources",)),
    UnifiedPlanning("enhsp", Capability(
        licence="GPL-3.0-only (the adapter is Apache-2.0)", install="pip install up-enhsp, and Java 17 or newer",
        features=(*_ADL, "numeric"), modes=("fast", "anytime", "optimal"), note="for quantities that change",
    ), "up_enhsp", (("anytime", "enhsp-any"), ("optimal", "enhsp-opt")), ("java",)),
    UnifiedPlanning("aries", Capability(
        licence="MIT", install="pip install up-aries", features=("negative", "costs", "numeric", "temporal"), modes=("fast", "anytime"),
        proves=False, note="for scheduling; weak on long plans",
    ), "up_aries"),
    UnifiedPlanning("tamer", Capability(
        licence="free for educational use only", install="pip install up-tamer", features=("negative", "numeric", "temporal"), proves=False,
    ), "up_tamer"),
    UnifiedPlanning("fast-downward", Capability(
        licence="GPL-3.0-only", install="pip install up-fast-downward", features=_ADL, modes=("fast", "anytime", "optimal"),
        note="the planner fast-downward does the same and is faster",
    ), "up_fast_downward", (("optimal", "fast-downward-opt"),)),
    UnifiedPlanning("pyperplan", Capability(
        licence="GPL-3.0-or-later", install="pip install up-pyperplan", modes=("fast", "optimal"),
        note="the planner pyperplan does the same",
    ), "up_pyperplan", (("optimal", "pyperplan-opt"),)),
)


def engine_of(name: str) -> UnifiedPlanning:
    """The engine ``name`` of unified-planning, with what is known of it."""
    unknown = Capability(licence="not known: see its own terms", install="install it beside unified-planning", features=(),
                         modes=("fast", "anytime", "optimal"), proves=False)
    return next((planner for planner in KNOWN if planner.engine == name), None) or UnifiedPlanning(name, unknown)
