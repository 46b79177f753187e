"""llm-reasoners on the Game of 24 behind a pipe, run by its own interpreter: its beam search and MCTS as in its Game of 24 example.

Its base module imports torch and transformers, for local models and for logging by one of several processes. A run over an API uses
neither, so the names that are imported stand empty here. The example is not part of the package: world model and rewards are written
anew after it, with the prompts of tree-of-thoughts-llm, on which the example's are based.
"""

from __future__ import annotations

import json
import os
import re
import sys
import types
from dataclasses import dataclass, field, replace
from typing import Any

LABELS = {"sure": 1.0, "likely": 0.1, "impossible": 0.0001}
DEPTH, EVALUATIONS = 4, 3


def _without_local_models() -> None:
    for name, attribute in (("torch", "distributed"), ("transformers", "StoppingCriteriaList")):
        module = types.ModuleType(name)
        setattr(module, attribute, object)
        sys.modules[name] = module


_without_local_models()

from openai import OpenAI  # noqa: E402
from reasoners import GenerateOutput, LanguageModel, Reasoner, SearchConfig, WorldModel  # noqa: E402
from reasoners.algorithm import MCTS, BeamSearch  # noqa: E402
from tot.prompts.game24 import cot_prompt, propose_prompt, value_last_step_prompt, value_prompt  # noqa: E402

SETTINGS = {
    "beam 5": lambda: BeamSearch(beam_size=5, max_depth=DEPTH),
    "MCTS, 10 iterations": lambda: MCTS(depth_limit=DEPTH, n_iters=10),
    "MCTS, 20 iterations": lambda: MCTS(depth_limit=DEPTH, n_iters=20),
}


class ChatModel(LanguageModel):
    """The library's interface to a model, over a chat API."""

    def __init__(self, model: str) -> None:
        self._model, self._client = model, OpenAI(base_url=os.environ["OPENAI_BASE_URL"], api_key="sk-none")

    def generate(self, inputs: list[str], **options: Any) -> GenerateOutput:
        asked = self._client.chat.completions.create(
            model=self._model, messages=[{"role": "user", "content": inputs[0]}], temperature=options.get("temperature", 0.7),
            n=options.get("num_return_sequences", 1))
        return GenerateOutput(text=[choice.message.content for choice in asked.choices], log_prob=None)

    def get_next_token_logits(self, *args: Any, **options: Any) -> Any:
        raise NotImplementedError

    def get_loglikelihood(self, *args: Any, **options: Any) -> Any:
        raise NotImplementedError


@dataclass(frozen=True)
class State:
    """As in the example: what is left, the steps so far, and the answer at the end."""

    input: str
    current: str
    history: tuple[str, ...] = field(default=())
    output: str | None = None

    def after(self, action: str) -> State:
        if "Answer" in action:
            found = re.match(r"Answer: (.*)", action)
            return replace(self, output=found[1] if found else "")
        found = re.match(r".*\(left: (.*)\)", action)
        return replace(self, current=found[1] if found else "", history=(*self.history, action))


class World(WorldModel):
    """The rules as the model tells them."""

    def init_state(self) -> State:
        return State(self.example, self.example)

    def step(self, state: State, action: str) -> tuple[State, dict[str, Any]]:
        return state.after(action), {}

    def is_terminal(self, state: State) -> bool:
        return state.output is not None


class Config(SearchConfig):
    """Proposals by list, values by three samples of a label."""

    def __init__(self, model: ChatModel) -> None:
        super().__init__()
        self._model, self._values = model, dict[str, float]()

    def get_actions(self, state: State) -> list[str]:
        if state.current == "24":
            steps = "\n".join(state.history)
            asked = f"{cot_prompt.format(input=state.input)}Steps:\n{steps}\nAnswer:"
            return [f"Answer: {self._model.generate([asked]).text[0].strip()}"]
        if " " not in state.current:
            return []
        listed = self._model.generate([propose_prompt.format(input=state.current)]).text[0].strip().split("\n\n")[0]
        return list(dict.fromkeys(line for line in listed.split("\n") if "left" in line))

    def fast_reward(self, state: State, action: str) -> tuple[float, dict[str, Any]]:
        after = state.after(action)
        if state.current == "" or len(after.history) >= DEPTH:
            return 0.0, {}
        prompt = (value_prompt.format(input=after.current) if after.output is None
                  else value_last_step_prompt.format(input=after.input, answer=after.output))
        if prompt not in self._values:
            said = self._model.generate([prompt], num_return_sequences=EVALUATIONS).text
            labels = [text.strip().split("\n\n")[0].split("\n")[-1] for text in said]
            self._values[prompt] = sum(LABELS.get(label, 0.0) for label in labels)
        return self._values[prompt], {}

    def reward(self, state: State, action: str, **known: Any) -> tuple[float, dict[str, Any]]:
        return self.fast_reward(state, action)


def _answers(tree: Any) -> list[str]:
    found = [tree.state.output] if tree.state is not None and tree.state.output is not None else []
    return [*found, *(answer for child in tree.children or [] for answer in _answers(child))]


def main() -> None:
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        reasoner = Reasoner(World(), Config(ChatModel(asked["model"])), SETTINGS[asked["setting"]]())
        result = reasoner(asked["numbers"])
        first = result.terminal_state.output if result.terminal_state is not None else None
        others = _answers(result.tree if hasattr(result, "tree") else result.tree_state)
        print(json.dumps({"answers": [first or "", *others]}), flush=True)


if __name__ == "__main__":
    main()
