"""The result files of an evaluation."""

from __future__ import annotations

from pathlib import Path

import orjson

from eudoxus.evaluation import evalplus_results, export
from eudoxus.evaluation.dataset import DataSet
from eudoxus.evaluation.records import Folder
from eudoxus.evaluation.report import page
from eudoxus.evaluation.summary import Summary, summarise
from eudoxus.runtime.errors import InvalidRequest


def write_results(folder: Folder, dataset: DataSet) -> Summary:
    """``summary.json``, ``report.html``, and the result files that fit the data set. Raises :class:`InvalidRequest`."""
    found = summarise(folder)
    write(folder.path / "summary.json", orjson.dumps(found.json(), option=orjson.OPT_INDENT_2) + b"\n")
    report = folder.path / "report.html"
    write(report, page([folder], report).encode())
    chosen = dataset.only(tasks=folder.plan().tasks)
    if lines := export.human_eval(folder, chosen):
        write(folder.path / "results.jsonl", lines)
    if evalplus := evalplus_results.written(folder, chosen):
        write(folder.path / "eval_results.json", orjson.dumps(evalplus) + b"\n")
    if grids := export.arc_submission(folder, chosen):
        write(folder.path / "submission.json", orjson.dumps(grids) + b"\n")
    return found


def write(path: Path, content: bytes) -> None:
    """Raises :class:`InvalidRequest` where the disk does not take it."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InvalidRequest(f"cannot write {path}: {error.strerror}", param="out") from None
