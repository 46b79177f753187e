"""Every runtime passes the contract and they agree; directories that cannot be used say why."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from eudoxus.decoding.local import LocalModel, load
from eudoxus.decoding.local.conformance import NEAR, ModelContract
from eudoxus.decoding.local.errors import ModelUnusable
from eudoxus.decoding.vocabulary import Vocabulary
from eudoxus.runtime.errors import InvalidRequest
from tests.decoding.local import random_llama


class TestOnnx(ModelContract):
    pass


class TestTransformers(ModelContract):
    @pytest.fixture
    def model(self, torch_model: LocalModel) -> LocalModel:
        return torch_model

    def test_it_says_what_onnxruntime_says(self, model: LocalModel, directory: Path) -> None:
        text = self.text(model, 40)
        other = load(str(directory), runtime="onnx")
        assert np.abs(model.session().feed(text, last=40) - other.session().feed(text, last=40)).max() < NEAR

    def test_it_gives_the_prompt_that_transformers_gives(self, model: LocalModel, directory: Path) -> None:
        import transformers

        said = [("system", " be brief "), ("user", "who?\n"), ("assistant", "you"), ("user", "true or false")]
        messages = [{"role": role, "content": content} for role, content in said]
        theirs = transformers.AutoTokenizer.from_pretrained(directory)
        assert model.directory.prompt(messages) == theirs.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)


@pytest.mark.parametrize("name", ["tiny", "tiny-weak"])
class TestEmbedded(ModelContract):
    @pytest.fixture
    def model(self, name: str) -> LocalModel:
        pytest.importorskip("onnxruntime", reason="the extra embedded is not installed")
        return load(name)

    def test_it_is_called_by_its_name(self, model: LocalModel, name: str) -> None:
        assert (model.name, model.runtime) == (name, "onnx")


def test_a_device_that_is_not_there_is_a_typed_error(directory: Path):
    torch = pytest.importorskip("torch", reason="the extra local is not installed")
    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    with pytest.raises(ModelUnusable, match="CUDA"):
        load(str(directory), device="cuda")


def test_onnx_is_taken_where_it_can_be(directory: Path):
    assert load(str(directory)).runtime == "onnx"
    assert load(str(directory)).name == "random"


def changed(directory: Path, to: Path, file: str, **fields: object) -> str:
    shutil.copytree(directory, to)
    said = json.loads((to / file).read_text()) | fields
    (to / file).write_text(json.dumps({name: value for name, value in said.items() if value is not None}))
    return str(to)


def test_a_directory_that_cannot_be_used_says_what_is_missing(directory: Path, tmp_path: Path):
    with pytest.raises(ModelUnusable, match="no model directory '/nowhere/at-all'"):
        load("/nowhere/at-all")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelUnusable, match=r"has no config\.json"):
        load(str(tmp_path / "empty"))
    for file, reason in (("model.onnx", r"has no model\.onnx"), ("tokenizer.json", r"has no tokenizer\.json")):
        copied = tmp_path / file
        shutil.copytree(directory, copied)
        (copied / file).unlink()
        with pytest.raises(ModelUnusable, match=reason):
            load(str(copied), runtime="onnx")
    with pytest.raises(ModelUnusable, match="max_position_embeddings"):
        load(changed(directory, tmp_path / "endless", "config.json", max_position_embeddings=None), runtime="onnx")
    broken = Path(changed(directory, tmp_path / "broken", "config.json"))
    (broken / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelUnusable, match="cannot be loaded"):
        load(str(broken), runtime="onnx")
    silent = load(changed(directory, tmp_path / "silent", "tokenizer_config.json", chat_template=None))
    with pytest.raises(ModelUnusable, match="no chat_template"):
        silent.directory.prompt([{"role": "user", "content": "who?"}])


def test_a_graph_of_another_width_than_the_configuration_says_is_refused(directory: Path, tmp_path: Path):
    with pytest.raises(ModelUnusable, match="304"):
        load(changed(directory, tmp_path / "wide", "config.json", vocab_size=310))


def test_a_runtime_that_is_not_installed_is_named_with_its_extra(directory: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelUnusable, match=r"pip install 'eudoxus\[embedded\]'"):
        load(str(directory), runtime="onnx")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelUnusable, match=r"pip install 'eudoxus\[local\]'"):
        load(str(directory), runtime="transformers")


def test_all_ends_of_a_turn_are_known_and_padding_has_no_bytes(model: LocalModel, directory: Path, tmp_path: Path):
    assert model.vocabulary.eos == (2,)
    assert model.vocabulary.size == random_llama.PADDED > len(model.vocabulary.tokens)
    several = load(changed(directory, tmp_path / "several", "generation_config.json", eos_token_id=[0, 1]))
    assert several.vocabulary.eos == (0, 1, 2)


def test_forced_text_is_spelt_as_the_tokenizer_spells_it(model: LocalModel):
    text = "the assistant answers the user"
    assert model.vocabulary.encode(text) == model.directory.encode(text)
    assert model.vocabulary.decode(model.vocabulary.encode("a<|end|>é".encode())) == "a<|end|>é".encode()
    half = "é".encode()[:1]
    assert model.vocabulary.decode(model.vocabulary.encode(half)) == half
    assert isinstance(model.vocabulary, Vocabulary)


def test_a_template_refuses_in_its_own_words_and_cannot_reach_out(directory: Path, tmp_path: Path, model: LocalModel):
    with pytest.raises(InvalidRequest, match="no role tool"):
        model.directory.prompt([{"role": "tool", "content": "x"}])
    hostile = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    reaching = load(changed(directory, tmp_path / "hostile", "tokenizer_config.json", chat_template=hostile))
    with pytest.raises(InvalidRequest, match="unsafe"):
        reaching.directory.prompt([{"role": "user", "content": "x"}])


def test_nothing_heavy_is_imported_before_a_model_is_loaded():
    program = (
        "import sys, eudoxus.decoding.local, eudoxus.decoding.local.config, eudoxus.decoding.local.endpoint, eudoxus.service.app\n"
        "from eudoxus.decoding.local.config import LocalConfig\nLocalConfig().endpoint('local')\n"
        "found = {'torch', 'transformers', 'onnxruntime', 'tokenizers'} & set(sys.modules)\nassert not found, found"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
