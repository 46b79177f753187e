"""The data sets that are known by name, and how one is loaded: from ``EUDOXUS_DATA``, from fetched files, or from a path."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files as resources
from pathlib import Path

from eudoxus.evaluation import catalogue_bbh
from eudoxus.evaluation.dataset import DataSet, Item, distinct
from eudoxus.evaluation.files import DataFile, DataSetMissing, digest, fetch, here, local, read
from eudoxus.evaluation.formats import arc, evalplus, evalpro, humaneval, ifeval, mbpp, own, questions
from eudoxus.runtime.errors import InvalidRequest

Loader = Callable[[bytes], Iterator[Item]]
GITHUB = "https://raw.githubusercontent.com"


@dataclass(frozen=True, slots=True)
class Known:
    """A data set that is known by name."""

    name: str
    loader: Loader
    provenance: str
    file: DataFile | None = None
    """None where no file is pinned: a path must be given."""
    metric: str = "pass@1"
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Tasks that cannot be graded as they are published, and why."""


def _bbh(task: str) -> Known:
    url = f"{GITHUB}/suzgunmirac/BIG-Bench-Hard/{catalogue_bbh.COMMIT}/bbh/{task}.json"
    file = DataFile(f"bbh_{task}.json", catalogue_bbh.SHA256[task], url)
    return Known(f"bbh_{task}", lambda content: questions.bbh(content, task), "BIG-Bench Hard (Suzgun et al. 2022), MIT", file, "accuracy")


_HUMANEVAL = DataFile(
    "HumanEval.jsonl.gz", "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
    f"{GITHUB}/openai/human-eval/6d43fb980f9fee3c892a914eda09951f772ad10d/data/HumanEval.jsonl.gz", "code/humaneval/HumanEval.jsonl.gz")
_MBPP = DataFile(
    "mbpp_sanitized_codet.jsonl.gz", "91b6fc225089766b390d137abecd02197488afd89e1366c53e4c94ac03dce15a",
    shared="code/mbpp/mbpp_sanitized_codet.jsonl.gz")
_HUMANEVAL_PRO = DataFile(
    "humaneval_pro.json.gz", "8229ed7c01d0186effa7875f54713ada673905ec6056bffc47e2027b2a487a70",
    shared="code/evalpro/humaneval_pro.json.gz")
_MBPP_PRO = DataFile(
    "mbpp_pro.json.gz", "a5c6dcd78d78d79ccd948dc50544c1d8d9e045e87c18c9d541be13ec354893a1", shared="code/evalpro/mbpp_pro.json.gz")
_GSM8K = DataFile(
    "gsm8k_test.jsonl", "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14",
    f"{GITHUB}/openai/grade-school-math/3101c7d5072418e28b9008a6636bde82a006892c/grade_school_math/data/test.jsonl")


def _arc(name: str, sha256: str, provenance: str) -> Known:
    return Known(name, arc.items, provenance, DataFile(f"{name}.json.gz", sha256, shared=f"code/arc/{name}.json.gz"), "ARC score")


KNOWN = {
    one.name: one
    for one in (
        Known("humaneval", humaneval.items, "HumanEval (Chen et al. 2021), MIT", _HUMANEVAL),
        Known("humaneval_plus", evalplus.items, "HumanEval+ (Liu et al. 2023), Apache-2.0; give the path of a released file"),
        Known("mbpp_plus", evalplus.items, "MBPP+ (Liu et al. 2023), Apache-2.0; give the path of a released file"),
        Known("humaneval_pro", partial(evalpro.items, set="HumanEvalPro"), "HumanEval Pro (Yu et al. 2024), MIT", _HUMANEVAL_PRO),
        Known(
            "mbpp_pro", partial(evalpro.items, set="MbppPro"), "MBPP Pro (Yu et al. 2024), MIT", _MBPP_PRO,
            left_out={"MbppPro/204": "its reference uses Counter without importing it"}),
        Known("mbpp", mbpp.items, "MBPP (Austin et al. 2021), CC-BY-4.0; give the path of the published file"),
        Known(
            "mbpp_sanitized", humaneval.items, "MBPP, sanitized, in HumanEval's format by CodeT, CC-BY-4.0 and MIT", _MBPP,
            left_out={"MbppEval/56": "its function is called check, as the check itself",
                      "MbppEval/123": "its reference needs about as long as a check may take",
                      **dict.fromkeys(("MbppEval/70", "MbppEval/164", "MbppEval/630"), "its reference is not indented as Python")}),
        _arc("arc1_training", "29741166b644106af81cdbe762230c0d7218b76b3562da7cd5332b58771c533d", "ARC-AGI-1 (Chollet 2019), Apache-2.0"),
        _arc("arc1_evaluation", "413d7bc106c161c07231589bafd17b7f1e4cb568e096f07887012aaebf153466", "ARC-AGI-1 (Chollet 2019), Apache-2.0"),
        _arc("arc2_evaluation", "0d571058aa8f318a40f2e0281c85c32a570972a4288ad045cbf382204e1ffad9", "ARC-AGI-2 (2025), Apache-2.0"),
        _arc("arc1d", "ae0b3b0b776fcd6ca87c7ef53d3015f9d428562e198d81a5de3e3194c7d72944", "1D-ARC (Xu et al. 2023), MIT"),
        Known("ifeval", ifeval.items, "IFEval (Zhou et al. 2023), Apache-2.0; give the path of input_data.jsonl", metric="prompt accuracy"),
        Known("gsm8k", questions.gsm8k, "GSM8K, test part (Cobbe et al. 2021), MIT", _GSM8K, "accuracy"),
        *map(_bbh, catalogue_bbh.SHA256),
    )
}
EXAMPLES = "examples"


def known() -> list[str]:
    """The names that :func:`load` takes."""
    return [EXAMPLES, *KNOWN]


def load(name: str, path: Path | None = None) -> DataSet:
    """The data set ``name``; from the file ``path`` where that is given, whatever its checksum, which then is in the results.

    Raises :class:`DataSetMissing`, :class:`ChecksumMismatch`, and :class:`InvalidRequest` for an unknown name or a malformed file.
    """
    if name == EXAMPLES:
        content = local(path) if path else resources("eudoxus.evaluation.examples").joinpath("tasks.jsonl").read_bytes()
        return DataSet(name, distinct(own.items(content), name), digest(content), "tasks of Eudoxus' own format", "score")
    found = _known(name)
    if path is not None:
        content = local(path)
    elif found.file is None:
        raise DataSetMissing(f"{name} has no pinned file; give the path of one: {found.provenance}", param="dataset")
    else:
        try:
            content = read(found.file)
        except DataSetMissing:
            raise DataSetMissing(f"the data set {name} is not here: {_how(found)}", param="dataset") from None
    items = distinct((item for item in found.loader(content) if item.id not in found.left_out), name)
    return DataSet(name, items, digest(content), found.provenance, found.metric)


def listed() -> Iterator[tuple[str, bool, str]]:
    """Each data set: name, whether :func:`load` finds it without a path, provenance."""
    yield EXAMPLES, True, "six tasks that ship with Eudoxus"
    for one in KNOWN.values():
        yield one.name, one.file is not None and here(one.file), one.provenance


def has_file(name: str) -> bool:
    """Whether the data set ``name`` is one published file, which :func:`load` finds without a path once it is here."""
    return name == EXAMPLES or _known(name).file is not None


def fetched(name: str) -> Path:
    """Download the file of data set ``name``. Raises :class:`DataSetMissing`, :class:`ChecksumMismatch`, :class:`InvalidRequest`."""
    if name == EXAMPLES:
        raise InvalidRequest("the examples ship with Eudoxus; there is nothing to fetch", param="name")
    found = _known(name)
    if found.file is None or found.file.url is None:
        raise DataSetMissing(f"{name} cannot be fetched: it is not published as one file; give its path to eval run", param="name")
    return fetch(found.file)


def _known(name: str) -> Known:
    found = KNOWN.get(name)
    if found is None:
        near = difflib.get_close_matches(name, known(), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known())}"
        raise InvalidRequest(f"no data set is called {name!r}; {hint}", param="dataset")
    return found


def _how(found: Known) -> str:
    ways = [f"'eudoxus datasets fetch {found.name}' gets it"] if found.file and found.file.url else []
    if found.file and found.file.shared:
        ways.append(f"EUDOXUS_DATA may point at a folder that holds {found.file.shared}")
    return "; or ".join([*ways, "give the path of a file"])
