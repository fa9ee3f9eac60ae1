"""A transducer in the files that sherpa-onnx reads, small enough to be made in a test: it hears the same two words in
every sound, and none in silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HEARS = "THANK YOU"
# Of a mean log mel energy: digital silence lies at -16.
_QUIET = -14.0


def write_transducer(folder: Path) -> None:
    """encoder.onnx, decoder.onnx, joiner.onnx and tokens.txt."""
    tokens = ["<blk>", *(f"▁{word}" for word in HEARS.split())]
    count = len(tokens)
    (folder / "tokens.txt").write_text("".join(f"{token} {number}\n" for number, token in enumerate(tokens)))
    logits = ["N", count]
    _save(  # how quiet each frame is speaks for the blank
        folder / "encoder.onnx",
        [
            helper.make_node("ReduceMean", ["x"], ["energy"], axes=[2], keepdims=1),
            helper.make_node("Sub", ["quiet", "energy"], ["below"]),
            helper.make_node("Relu", ["below"], ["silence"]),
            helper.make_node("Mul", ["silence", "blank"], ["encoder_out"]),
            helper.make_node("Identity", ["x_lens"], ["encoder_out_lens"]),
        ],
        {"x": ["N", "T", 80], "x_lens": ["N"]},
        {"encoder_out": ["N", "T", count], "encoder_out_lens": ["N"]},
        {"quiet": np.float32([_QUIET]), "blank": np.float32([[[1000] + [0] * (count - 1)]])},
        model_type="zipformer2",
    )
    _save(  # the last token of the context
        folder / "decoder.onnx",
        [
            helper.make_node("Gather", ["y", "last"], ["token"], axis=1),
            helper.make_node("OneHot", ["token", "count", "off_on"], ["decoder_out"], axis=-1),
        ],
        {"y": ["N", 2]},
        {"decoder_out": logits},
        {"last": np.array(1, np.int64), "count": np.array(count, np.int64), "off_on": np.float32([0, 1])},
        vocab_size=count,
        context_size=2,
    )
    _save(  # after each token the next one, after the last the blank
        folder / "joiner.onnx",
        [
            helper.make_node("MatMul", ["decoder_out", "follows"], ["next"]),
            helper.make_node("Add", ["encoder_out", "next"], ["logit"]),
        ],
        {"encoder_out": logits, "decoder_out": logits},
        {"logit": logits},
        {"follows": np.roll(np.eye(count, dtype=np.float32), 1, axis=1)},
        joiner_dim=count,
    )


def _save(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[str | int]],
    outputs: dict[str, list[str | int]],
    constants: dict[str, np.ndarray],
    **about: object,
) -> None:
    def told(values: dict[str, list[str | int]]) -> list[onnx.ValueInfoProto]:
        kind = {"x_lens": TensorProto.INT64, "encoder_out_lens": TensorProto.INT64, "y": TensorProto.INT64}
        return [helper.make_tensor_value_info(n, kind.get(n, TensorProto.FLOAT), shape) for n, shape in values.items()]

    held = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, path.stem, told(inputs), told(outputs), held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    for key, value in about.items():
        model.metadata_props.add(key=key, value=str(value))
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
