"""Locking a process down: seccomp filters, Landlock, limits, identity. Standard library only; it runs inside the jail.

The order in a zygote: ``leave_root`` (as root; else ``drop_capabilities``), ``no_new_privileges``, ``not_dumpable``, ``Ruleset.open``,
``install(long_filter(…))``. In each child, after the fork: ``die_with_parent``, ``Ruleset.restrict``, ``close_all_but``, ``set_limits``,
``install(child_filter(…))``.
"""

from eudoxus.sandbox.lockdown.bpf import install, seccomp_available
from eudoxus.sandbox.lockdown.landlock import Ruleset, abi
from eudoxus.sandbox.lockdown.process import (
    LimitsStruct,
    close_all_but,
    die_with_parent,
    drop_capabilities,
    leave_root,
    no_new_privileges,
    not_dumpable,
    set_limits,
)
from eudoxus.sandbox.lockdown.rules import child_filter, long_filter
from eudoxus.sandbox.lockdown.syscalls import Architecture, NotConfined, architecture

__all__ = [
    "Architecture", "LimitsStruct", "NotConfined", "Ruleset", "abi", "architecture", "child_filter", "close_all_but", "die_with_parent",
    "drop_capabilities", "install", "leave_root", "long_filter", "no_new_privileges", "not_dumpable", "seccomp_available", "set_limits",
]
