"""From what a search found to what a strategy returns."""

from __future__ import annotations

from typing import Any

from eudoxus.agents.search.engine import Found
from eudoxus.agents.search.tree import Node
from eudoxus.runtime import Result
from eudoxus.runtime.result import Authority


def result_of(found: Found[Any, Any], *, judged: bool) -> Result:
    """*verified* with the verifier's authority, *limit* when a limit ended the search, else *best_effort*; *failed* without any answer.

    ``judged`` says that a model's scores chose the answer.
    """
    node = found.node
    artifacts = {
        "path": [str(step) for step in node.path()] if node is not None else [],
        "nodes": len(found.tree.nodes), "expanded": sum(one.asks for one in found.tree.nodes),
        "rejected": found.rejected, "merged": found.merged,
    }
    if node is None or node.answer is None:
        detail = found.detail or "the search ended without an answer"
        return Result(answer=None, outcome="limit" if found.status == "limit" else "failed", detail=detail, artifacts=artifacts)
    if found.status == "verified" and node.verdict is not None:
        return Result(answer=node.answer, outcome="verified", authority=node.verdict.authority, artifacts=artifacts)
    authority: Authority = "model" if judged else "none"
    outcome = "limit" if found.status == "limit" else "best_effort"
    return Result(answer=node.answer, outcome=outcome, authority=authority, detail=_detail(found, node), artifacts=artifacts)


def _detail(found: Found[Any, Any], node: Node[Any, Any]) -> str:
    rejected = f"not verified: {node.verdict.feedback}" if node.verdict is not None and node.verdict.feedback else ""
    return "; ".join(part for part in (found.detail, rejected) if part)
