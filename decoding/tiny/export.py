"""Writes ``model.onnx`` for a small Llama: a graph of a few kilobytes whose weights are the bytes of ``model.safetensors``.

A tensor of ONNX may lie in another file at an offset, and safetensors is raw tensors at offsets. So one file of weights in half precision
serves transformers and onnxruntime; the graph casts them to float32, in which it calculates. Inputs and outputs are named as optimum
names them: ``input_ids``, ``attention_mask``, ``position_ids``, ``past_key_values.N.key|value`` to ``logits``, ``present.N.key|value``.

Needs onnx; neither torch nor transformers. ``python -m eudoxus.decoding.tiny.export DIR`` exports again.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
WEIGHTS = "model.safetensors"
GRAPH = "model.onnx"


@dataclass
class Graph:
    """Nodes and constants as they are added; every node has one output, which names it."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def __call__(self, operator: str, *inputs: str, into: str = "", **attributes: Any) -> str:
        """Add a node; the name of its output."""
        output = into or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], name=output, **attributes))
        return output

    def constant(self, value: Any, kind: Any = np.int64) -> str:
        """A value of the graph itself; the same value is kept once."""
        array = np.asarray(value, kind)
        name = f"constant_{array.dtype}_{'x'.join(map(str, array.shape))}_{'_'.join(map(str, array.ravel()[:4].tolist()))}"
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def ints(self, *values: int) -> str:
        """A list of whole numbers, for shapes and axes."""
        return self.constant(list(values))


@dataclass(frozen=True)
class Shape:
    """What the graph needs to know of ``config.json``."""

    layers: int
    heads: int
    kv_heads: int
    head: int
    vocabulary: int
    epsilon: float
    theta: float

    @classmethod
    def of(cls, config: dict[str, Any]) -> Shape:
        """The shape of a configuration of transformers. Raises :class:`ValueError` for what the graph does not say."""
        for name, expected in (("model_type", "llama"), ("hidden_act", "silu"), ("attention_bias", False), ("mlp_bias", False)):
            if config.get(name, expected) != expected:
                raise ValueError(f"{name} = {config[name]!r}: only {expected!r} can be exported")
        rope = config.get("rope_parameters") or {}
        if rope.get("rope_type", "default") != "default":
            raise ValueError(f"rope_type = {rope['rope_type']!r}: only 'default' can be exported")
        heads = config["num_attention_heads"]
        return cls(config["num_hidden_layers"], heads, config["num_key_value_heads"],
                   config.get("head_dim") or config["hidden_size"] // heads, config["vocab_size"], config["rms_norm_eps"],
                   rope.get("rope_theta", config.get("rope_theta", 10000.0)))


def export(folder: Path) -> Path:
    """Write ``model.onnx`` beside the weights in ``folder``, which holds ``config.json`` and ``model.safetensors`` in float16.

    Raises :class:`ValueError` for weights that are not float16 and for models that are no plain Llama.
    """
    shape = Shape.of(json.loads((folder / "config.json").read_text("utf-8")))
    external = weights_in(folder / WEIGHTS)
    graph = Graph()
    hidden = graph("Gather", weight(graph, "model.embed_tokens"), "input_ids")
    bias, cosine, sine = masked(graph), *rotation(graph, shape)
    for layer in range(shape.layers):
        hidden = block(graph, shape, f"model.layers.{layer}", layer, hidden, bias, cosine, sine)
    head = "lm_head" if "lm_head.weight" in external else "model.embed_tokens"
    linear(graph, head, normed(graph, shape, "model.norm", hidden), into="logits")
    model = helper.make_model(
        helper.make_graph(graph.nodes, "tiny", *ports(shape), [*external.values(), *graph.constants.values()]),
        opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8, producer_name="eudoxus")
    path = folder / GRAPH
    path.write_bytes(model.SerializeToString(deterministic=True))
    onnx.checker.check_model(str(path))
    return path


def weights_in(path: Path) -> dict[str, onnx.TensorProto]:
    """The tensors of a safetensors file as ONNX tensors that lie in that file."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    found = {}
    for name, entry in header.items():
        if entry["dtype"] != "F16":
            raise ValueError(f"{path}: {name} is {entry['dtype']}; F16 is expected")
        begin, end = entry["data_offsets"]
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT16, dims=entry["shape"], data_location=TensorProto.EXTERNAL)
        for key, value in (("location", path.name), ("offset", 8 + length + begin), ("length", end - begin)):
            tensor.external_data.add(key=key, value=str(value))
        found[name] = tensor
    return found


def ports(shape: Shape) -> tuple[list[onnx.ValueInfoProto], list[onnx.ValueInfoProto]]:
    """Inputs and outputs."""
    def cache(name: str, length: str) -> list[onnx.ValueInfoProto]:
        sizes: list[str | int | None] = ["batch", shape.kv_heads, length, shape.head]
        return [helper.make_tensor_value_info(f"{name}.{layer}.{part}", TensorProto.FLOAT, sizes)
                for layer in range(shape.layers) for part in ("key", "value")]

    whole = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", length])
             for name, length in (("input_ids", "seq"), ("attention_mask", "total"), ("position_ids", "seq"))]
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "seq", shape.vocabulary])
    return [*whole, *cache("past_key_values", "past")], [logits, *cache("present", "total")]


def weight(graph: Graph, name: str) -> str:
    """A weight in float32, cast once."""
    wide = f"{name}.float32"
    if all(node.name != wide for node in graph.nodes):
        graph("Cast", f"{name}.weight", into=wide, to=TensorProto.FLOAT)
    return wide


def linear(graph: Graph, name: str, value: str, into: str = "") -> str:
    """``value`` times the transposed weight, which is kept as [out, in]."""
    return graph("MatMul", value, graph("Transpose", weight(graph, name), perm=[1, 0]), into=into)


def normed(graph: Graph, shape: Shape, name: str, value: str) -> str:
    """RMSNorm (Zhang and Sennrich 2019, arXiv 1910.07467)."""
    mean = graph("ReduceMean", graph("Mul", value, value), axes=[-1], keepdims=1)
    length = graph("Sqrt", graph("Add", mean, graph.constant(shape.epsilon, np.float32)))
    return graph("Mul", graph("Div", value, length), weight(graph, name))


def masked(graph: Graph) -> str:
    """What is added to the scores, [batch, 1, seq, total]: 0 where a token may look, the least float32 where it may not.

    It may look at places up to its own that ``attention_mask`` has as 1; its own place counts the tokens of the past.
    """
    seq = graph("Shape", "input_ids", start=1, end=2)
    total = graph("Shape", "attention_mask", start=1, end=2)
    zero, one, scalar = graph.constant(0), graph.constant(1), graph.ints()
    last = graph("Reshape", total, scalar)
    places = graph("Range", zero, last, one)
    own = graph("Range", graph("Sub", last, graph("Reshape", seq, scalar)), last, one)
    causal = graph("LessOrEqual", graph("Unsqueeze", places, graph.ints(0)), graph("Unsqueeze", own, graph.ints(1)))
    present = graph("Cast", graph("Unsqueeze", "attention_mask", graph.ints(1, 2)), to=TensorProto.BOOL)
    seen = graph("And", present, causal)
    return graph("Where", seen, graph.constant(0.0, np.float32), graph.constant(np.finfo(np.float32).min, np.float32))


def rotation(graph: Graph, shape: Shape) -> tuple[str, str]:
    """Cosine and sine of the rotary positions (Su et al. 2021, arXiv 2104.09864), [batch, 1, seq, head]."""
    speeds = 1.0 / shape.theta ** (np.arange(0, shape.head, 2, dtype=np.float32) / shape.head)
    places = graph("Cast", graph("Unsqueeze", "position_ids", graph.ints(1, 3)), to=TensorProto.FLOAT)
    half = graph("Mul", places, graph.constant(speeds, np.float32))
    angles = graph("Concat", half, half, axis=-1)
    return graph("Cos", angles), graph("Sin", angles)


def rotated(graph: Graph, shape: Shape, value: str, cosine: str, sine: str) -> str:
    """A query or key turned by its position: the two halves of a head are the two coordinates."""
    middle = graph.ints(shape.head // 2)
    first = graph("Slice", value, graph.ints(0), middle, graph.ints(-1))
    second = graph("Slice", value, middle, graph.ints(shape.head), graph.ints(-1))
    turned = graph("Concat", graph("Neg", second), first, axis=-1)
    return graph("Add", graph("Mul", value, cosine), graph("Mul", turned, sine))


def heads(graph: Graph, value: str, count: int, shape: Shape) -> str:
    """[batch, seq, count * head] as [batch, count, seq, head]."""
    return graph("Transpose", graph("Reshape", value, graph.ints(0, 0, count, shape.head)), perm=[0, 2, 1, 3])


def shared(graph: Graph, value: str, shape: Shape) -> str:
    """Keys or values repeated for the heads that share them."""
    times = shape.heads // shape.kv_heads
    if times == 1:
        return value
    repeated = graph("Concat", *[graph("Unsqueeze", value, graph.ints(2))] * times, axis=2)
    return graph("Reshape", repeated, graph.ints(0, shape.heads, -1, shape.head))


def block(graph: Graph, shape: Shape, name: str, layer: int, hidden: str, bias: str, cosine: str, sine: str) -> str:
    """One layer: attention over past and present, then the gated feed-forward part, each added to what came in."""
    value = normed(graph, shape, f"{name}.input_layernorm", hidden)
    query = heads(graph, linear(graph, f"{name}.self_attn.q_proj", value), shape.heads, shape)
    key = heads(graph, linear(graph, f"{name}.self_attn.k_proj", value), shape.kv_heads, shape)
    values = heads(graph, linear(graph, f"{name}.self_attn.v_proj", value), shape.kv_heads, shape)
    query, key = (rotated(graph, shape, part, cosine, sine) for part in (query, key))
    key = graph("Concat", f"past_key_values.{layer}.key", key, axis=2, into=f"present.{layer}.key")
    values = graph("Concat", f"past_key_values.{layer}.value", values, axis=2, into=f"present.{layer}.value")
    turned = graph("Transpose", shared(graph, key, shape), perm=[0, 1, 3, 2])
    scores = graph("Mul", graph("MatMul", query, turned), graph.constant(shape.head**-0.5, np.float32))
    looked = graph("MatMul", graph("Softmax", graph("Add", scores, bias), axis=-1), shared(graph, values, shape))
    merged = graph("Reshape", graph("Transpose", looked, perm=[0, 2, 1, 3]), graph.ints(0, 0, shape.heads * shape.head))
    hidden = graph("Add", hidden, linear(graph, f"{name}.self_attn.o_proj", merged))
    value = normed(graph, shape, f"{name}.post_attention_layernorm", hidden)
    gate = linear(graph, f"{name}.mlp.gate_proj", value)
    inside = graph("Mul", graph("Mul", gate, graph("Sigmoid", gate)), linear(graph, f"{name}.mlp.up_proj", value))
    return graph("Add", hidden, linear(graph, f"{name}.mlp.down_proj", inside))


if __name__ == "__main__":
    print(export(Path(sys.argv[1])))
