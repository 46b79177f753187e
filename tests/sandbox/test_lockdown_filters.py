"""The two filters, run by an interpreter for both architectures: what each answers for every number and for the arguments it looks at."""

import errno
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.sandbox.lockdown import child_filter, long_filter, rules
from eudoxus.sandbox.lockdown.bpf import ALWAYS, NEVER, Assembler, Null, OneOf, Rule, Without, build
from eudoxus.sandbox.lockdown.syscalls import NUMBERS, Architecture

from .bpf_machine import ALLOW, ARCH, ERRNO, KILL, run, strictest
from .forbidden import FORBIDDEN

PID = 4711
HIGH = 1 << 32
EPERM, ENOSYS = ERRNO | errno.EPERM, ERRNO | errno.ENOSYS
ARCHITECTURES: tuple[Architecture, ...] = ("x86_64", "aarch64")

ZYGOTE_ONLY = (
    "fork", "recvmsg", "wait4", "waitid", "pidfd_open", "pidfd_send_signal", "landlock_create_ruleset", "landlock_add_rule",
    "landlock_restrict_self",
)
THREAD, FORK = 0x3D0F00, 0x01200011
NO, ZYGOTE, THREADS, ALL = range(4)
"""Who may: nobody, the zygote alone, also a child with threads, also a child without."""


def _cases() -> Iterator[tuple[str, tuple[int, ...], int]]:
    """(call, arguments, who may)."""
    for name, at in (("open", 1), ("openat", 2)):
        for flags, who in (
            (0, ALL), (2, ALL), (0o1102, ALL), (0o1001, ALL), (0x80241, ALL), (0x243, NO), (0o1000, NO), (0o1003, NO), (3, ALL),
        ):
            yield name, (*[7] * at, flags), who
    yield from (("renameat2", (0, 0, 0, 0, flags), ALL if flags < 2 else NO) for flags in (0, 1, 2, 3, 4))
    yield from (("pipe2", (0, flags), who) for flags, who in ((0, ALL), (0x80800, ALL), (0x80, NO), (0x80080, NO), (0x4000, NO)))
    for command in (0, 1, 2, 3, 5, 6, 7, 36, 37, 38, 1030, 1032, 1034):
        yield "fcntl", (3, command, 0x2000), ALL
    for command in (8, 9, 10, 11, 15, 16, 17, 39, 1024, 1025, 1026, 1031, 1033, 1035, 1036, 1037, 1038):
        yield "fcntl", (3, command, 0), NO
    yield from (("fcntl", (3, 4, flags), who) for flags, who in ((0x800, ALL), (0x2000, NO), (0x2800, NO)))
    for request in (0x5401, 0x802C542A, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451):
        yield "ioctl", (1, request), ALL
        yield "ioctl", (1, request | HIGH), ALL  # the kernel reads an unsigned int
    for request in (0x5412, 0x5402, 0x540F, 0x5410, 0x5452, 0x8901, 0x8902, 0x541C, 0x5411, 0x540E, 0x5422, 0x5460, 0xC0045878, 0):
        yield "ioctl", (1, request), NO
    for operation in (0, 1, 3, 4, 5, 9, 10):
        for flags in (0, 0x80, 0x100, 0x180):
            yield "futex", (0, operation | flags), ALL
    for operation in (2, 6, 7, 8, 11, 12, 13, 0x86, 0x18B, 0x200):
        yield "futex", (0, operation), NO
    for advice in range(110):
        yield "madvise", (0, 0, advice), ALL if advice in (0, 1, 2, 3, 4, 8, 14, 15, 16, 22, 23, 102, 103) else NO
    yield from (("sched_getaffinity", (pid,), ALL if pid == 0 else NO) for pid in (0, 1, PID, -1))
    for family, kind, who in (
        (1, 1, ALL), (1, 2, ALL), (1, 5, ALL), (1, 0x80801, ALL), (1, 3, NO), (2, 1, NO), (16, 3, NO), (30, 1, NO), (1, 0x1001, NO),
    ):
        yield "socketpair", (family, kind), who
    for flags, address, who in (
        (0, 0, ALL), (0x40 | 0x80 | 0x4000 | 0x8000, 0, ALL), (1, 0, NO), (0x20000000, 0, NO), (0, 0x7F0012345678, NO),
        (0, 0x12345678, NO), (0, HIGH, NO), (0x4000000, 0, NO),
    ):
        yield "sendto", (3, 0, 1, flags, address), who
    for flags, who in ((0, ALL), (0x2 | 0x20 | 0x40 | 0x100 | 0x4000, ALL), (1, NO), (0x2000, NO)):
        yield "recvfrom", (3, 0, 1, flags, 0), who
    for level in (0, 1, 6):
        for option in (3, 4, 7, 8, 38, 39, 1, 16, 17, 31, 59, 77):
            yield "getsockopt", (3, level, option), ALL if level == 1 and option in (3, 4, 7, 8, 38, 39) else NO
    for flags, who in (
        (THREAD, THREADS), (0x7D0F00, THREADS), (THREAD | 0x01000000, THREADS), (0x50F00, THREADS), (FORK, ZYGOTE), (17, ZYGOTE),
        (0, NO), (9, NO), (0x4111, NO), (0x4100, NO), (THREAD & ~0x10000, NO), (THREAD & ~0x100, NO),
        (FORK | 0x100, NO), (FORK | 0x8000, NO), (FORK | 0x1000, NO), (THREAD | 17, NO), (THREAD | 0x2000, NO),
        *((base | 1 << bit, NO) for bit in (7, 17, 25, 26, 27, 28, 29, 30) for base in (FORK, THREAD)),
    ):
        yield "clone", (flags,), who
    for name in ("kill", "tgkill"):
        for pid in (PID, PID | HIGH, 0, 1, -1, -PID, PID + 1, PID << 1):
            yield name, (pid, PID), ALL if pid % HIGH == PID else ZYGOTE
    for pid, new, who in ((0, 0, ALL), (0, 0x1234, ZYGOTE), (0, HIGH, ZYGOTE), (1, 0, NO), (PID, 0, NO), (1, 0x1234, NO), (-1, 0, NO)):
        yield "prlimit64", (pid, 7, new, 0), who
    for option in {*range(80), 0x53564D41, 0x59616D61, 0xFFFFFFFF} - {4}:
        for value in (0, 1):
            yield "prctl", (option, value), ALL if option in (15, 16) else ZYGOTE if option in (1, 2, 3, 38, 39) else NO
    yield from (("prctl", (4, value), ZYGOTE if value == 0 else NO) for value in (0, 1, 2, HIGH))
    for operation, flags, who in ((1, 0, ZYGOTE), (0, 0, NO), (2, 0, NO), (3, 0, NO), (1, 1, NO), (1, 8, NO), (1, 4, NO)):
        yield "seccomp", (operation, flags), who
    for name in ZYGOTE_ONLY:
        yield name, (1, 2, 3, 4), ZYGOTE
    yield "clone3", (0x1234, 88), NO


CASES = list(_cases())
CHECKED = sorted({name for name, _, _ in CASES})


def _ask(program: bytes, architecture: Architecture, name: str, arguments: tuple[int, ...]) -> int:
    return run(program, NUMBERS[architecture][name], arguments, arch=ARCH[architecture])


def _wrong(zygote: bytes, child: bytes, threaded: bytes, architecture: Architecture, names: set[str] | None = None) -> list[str]:
    """The cases that these filters answer otherwise than the table says."""
    wrong = []
    of_child = rules._in_child(PID, True)
    for name, arguments, who in CASES:
        if name not in NUMBERS[architecture] or (names is not None and name not in names):
            continue
        below = [] if name in of_child else [zygote]  # what the child's filter has a rule for, it must do without the other's help
        places = ("zygote", ZYGOTE, [zygote]), ("threads", THREADS, [threaded, *below]), ("child", ALL, [child, *below])
        for place, least, filters in places:
            expected = ALLOW if who >= least else ENOSYS if name == "clone3" else EPERM
            if (answer := strictest(*(_ask(one, architecture, name, arguments) for one in filters))) != expected:
                wrong.append(f"{place}: {name}{tuple(map(hex, arguments))} -> {answer:#x}")
    return wrong


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_arguments_are_judged_as_the_table_says(architecture: Architecture):
    filters = long_filter(architecture), child_filter(architecture, PID, False), child_filter(architecture, PID, True)
    assert _wrong(*filters, architecture) == []


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_number_gets_the_action_of_its_rule(architecture: Architecture):
    whole, short = long_filter(architecture), child_filter(architecture, PID, True)
    of_number = {number: name for name, number in NUMBERS[architecture].items()}
    checked = set(CHECKED)
    for number in [*range(601), 1023, 4096, 2**30 - 1]:
        name = of_number.get(number)
        if name in checked:
            continue  # the table has them
        free = name in rules._FREE.split()
        assert run(whole, number, arch=ARCH[architecture]) == (ALLOW if free else EPERM), (number, name)
        assert run(short, number, arch=ARCH[architecture]) == ALLOW, (number, name)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_named_call_is_free_or_in_the_table_or_made_before_the_filter(architecture: Architecture):
    before_the_filter = {"capget", "capset", "setgroups", "setresuid", "setresgid"}
    assert set(NUMBERS[architecture]) <= set(rules._FREE.split()) | set(CHECKED) | before_the_filter
    assert set(rules._FREE.split()) | set(CHECKED) <= set(NUMBERS["x86_64"])
    assert len(set(NUMBERS[architecture].values())) == len(NUMBERS[architecture])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_no_run_may_ask_is_refused(architecture: Architecture):
    whole = long_filter(architecture)
    for name, numbers in FORBIDDEN.items():
        number = numbers[ARCHITECTURES.index(architecture)]
        if number is not None:
            assert run(whole, number, arch=ARCH[architecture]) == EPERM, name


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("which", ["zygote", "child"])
def test_x32_and_negative_numbers_do_not_exist_and_foreign_architectures_kill(architecture: Architecture, which: str):
    program = long_filter(architecture) if which == "zygote" else child_filter(architecture, PID, False)
    for number in (*range(601), 2**30 - 1):
        assert run(program, number | 2**30, arch=ARCH[architecture]) == ENOSYS
        for foreign in (0x40000003, 0x40000028, 0xC0000015, *(arch for name, arch in ARCH.items() if name != architecture)):
            assert run(program, number, arch=foreign) == KILL
    for number in (2**30, 2**31, 2**32 - 1):
        assert run(program, number, arch=ARCH[architecture]) == ENOSYS


def _weaker(rule: Rule) -> Iterator[Rule]:
    """The rule with one condition loosened or left out."""
    if rule == NEVER or rule.otherwise != errno.EPERM:
        yield ALWAYS
    for at, alternative in enumerate(rule.alternatives):
        for index, condition in enumerate(alternative):
            for other in _looser(condition):
                conditions = (*alternative[:index], *([other] if other else []), *alternative[index + 1:])
                yield rule._replace(alternatives=(*rule.alternatives[:at], conditions, *rule.alternatives[at + 1:]))


def _looser(condition: object) -> Iterator[object]:
    yield None
    if isinstance(condition, Null):
        yield OneOf(condition.argument, (0,))  # the low half only


def _stricter(rule: Rule) -> Iterator[Rule]:
    """The rule without an alternative, a value or a mask, one at a time."""
    for at, alternative in enumerate(rule.alternatives):
        yield rule._replace(alternatives=(*rule.alternatives[:at], *rule.alternatives[at + 1:]))
        for index, condition in enumerate(alternative):
            if isinstance(condition, OneOf):
                fewer = [condition._replace(values=tuple(v for v in condition.values if v != value)) for value in condition.values]
                fewer += [condition._replace(mask=0xFFFFFFFF)] if condition.mask != 0xFFFFFFFF else []
                for other in fewer:
                    if other.values:
                        conditions = (*alternative[:index], other, *alternative[index + 1:])
                        yield rule._replace(alternatives=(*rule.alternatives[:at], conditions, *rule.alternatives[at + 1:]))


def test_each_part_of_each_rule_is_needed():
    """Any part of a rule taken away makes the table of cases fail, so no part is there without a test."""
    architecture: Architecture = "x86_64"
    whole, child, threaded = long_filter(architecture), child_filter(architecture, PID, False), child_filter(architecture, PID, True)
    for name, rule in rules._IN_ZYGOTE.items():
        if name in CHECKED:
            for changed in (*_weaker(rule), *_stricter(rule)):
                other = build(architecture, rules._IN_ZYGOTE | {name: changed}, unnamed=NEVER)
                assert _wrong(other, child, threaded, architecture, {name}), (name, changed)
    for threads in (False, True):
        for name, rule in rules._in_child(PID, threads).items():
            for changed in (*_weaker(rule), *_stricter(rule)):
                other = build(architecture, rules._in_child(PID, threads) | {name: changed}, unnamed=ALWAYS)
                filters = (whole, child, other) if threads else (whole, other, threaded)
                assert _wrong(*filters, architecture, {name}), (name, threads, changed)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_child_filter_holds_its_own_process_id_twice_and_no_other(architecture: Architecture):
    one, other = child_filter(architecture, PID, True), child_filter(architecture, PID + 1, True)
    assert one.count(PID.to_bytes(4, "little")) == 2
    assert one.replace(PID.to_bytes(4, "little"), (PID + 1).to_bytes(4, "little")) == other
    assert rules._ANY_PID.to_bytes(4, "little") not in one


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_filters_are_small_and_end_in_answers(architecture: Architecture):
    for program, most in ((long_filter(architecture), 450), (child_filter(architecture, PID, True), 100)):
        assert len(program) % 8 == 0 and len(program) // 8 <= most
        assert program[-8:-6] == b"\x06\x00"


@given(st.dictionaries(st.sampled_from(sorted(NUMBERS["x86_64"])), st.sampled_from([ALWAYS, NEVER, Rule((), errno.ENOSYS)]), max_size=60),
       st.sampled_from([ALWAYS, NEVER]))
@settings(max_examples=40, deadline=None)
def test_any_set_of_rules_is_followed(named: dict[str, Rule], unnamed: Rule):
    program = build("x86_64", named, unnamed)
    of_number = {NUMBERS["x86_64"][name]: rule for name, rule in named.items()}
    for number in range(460):
        rule = of_number.get(number, unnamed)
        assert run(program, number, arch=ARCH["x86_64"]) == (ALLOW if rule.alternatives else ERRNO | rule.otherwise)


WORD = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 20), st.sampled_from([HIGH, 2**63, 2**32 - 1, 2**31]))


WORD32 = st.integers(0, HIGH - 1)


@given(st.tuples(WORD, WORD, WORD), st.integers(0, 2), st.lists(WORD32, min_size=1, max_size=5), WORD32)
@settings(max_examples=150, deadline=None)
def test_conditions_mean_what_they_say(arguments: tuple[int, int, int], index: int, values: list[int], mask: int):
    low = arguments[index] % HIGH
    for condition, holds in (
        (Null(index), arguments[index] == 0),
        (Without(index, mask), low & mask == 0),
        (OneOf(index, tuple(values), mask), low & mask in values),
        (OneOf(index, tuple(values)), low in values),
        (OneOf(index, (*values, low)), True),
    ):
        program = build("aarch64", {"kill": Rule(((condition,),))}, NEVER)
        assert _ask(program, "aarch64", "kill", arguments) == (ALLOW if holds else EPERM)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(1, 2**22))
@settings(max_examples=150, deadline=None)
def test_a_child_signals_none_but_itself(target: int, signal: int, pid: int):
    program = child_filter("x86_64", pid, False)
    for name in ("kill", "tgkill"):
        assert (_ask(program, "x86_64", name, (target, signal)) == ALLOW) == (target % HIGH == pid)


def test_a_jump_that_is_too_far_is_an_error():
    program = Assembler()
    far = program.new_label()
    program.if_equal(0, then=far)
    for _ in range(256):
        program.answer(ALLOW)
    program.label(far)
    program.answer(KILL)
    with pytest.raises(ValueError, match="256"):
        program.assemble()


@pytest.mark.parametrize(("architecture", "header"), [
    ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), ("aarch64", "/usr/include/asm-generic/unistd.h"),
])
def test_numbers_are_those_of_the_kernel_headers(architecture: Architecture, header: str):
    if not Path(header).exists():
        pytest.skip(f"{header} is not installed")
    there = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text())}
    if architecture == "aarch64":
        there["newfstatat"] = there.get("newfstatat", there["fstatat"])
    at = ARCHITECTURES.index(architecture)
    named = NUMBERS[architecture] | {name: numbers[at] for name, numbers in FORBIDDEN.items() if numbers[at] is not None}
    assert {name: number for name, number in named.items() if name in there and there[name] != number} == {}
    newer_than_some_headers = {"cachestat"}
    assert set(named) - set(there) <= newer_than_some_headers
