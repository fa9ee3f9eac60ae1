"""The commands that make, judge and measure packages: quantize, inspect, golden, bench, export."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from convert.cli_parts import add_figures, described, positive
from convert.representative import COUNT
from convert.table import figures_table

_SCHEMES = ("int8", "int8-float-io", "int16x8", "dynamic", "float16", "mixed")


def add_commands(commands: Any) -> None:
    """Add them to the parsers `commands`."""
    quantize = described(
        commands.add_parser,
        "Make a model package of a trained model, unless it loses too much: then say where, and exit with 1.",
        "emotion-convert quantize runs/face --task face --calibration data/fer2013 --out models/face-emotion\n"
        "  emotion-convert quantize mine.h5 --task face --calibration data/fer2013 --range=-1,1 --out models/mine",
        "quantize",
    )
    quantize.add_argument(
        "model", type=Path, metavar="MODEL", help="folder of a run; .keras, .h5, .hdf5; SavedModel; float .tflite"
    )
    quantize.add_argument("--task", choices=("face", "speech", "detector", "fusion"), required=True)
    quantize.add_argument(
        "--calibration",
        type=Path,
        required=True,
        metavar="DIR",
        help="the training data's folder; of a fusion: its run's",
    )
    quantize.add_argument(
        "--evaluate", type=Path, metavar="DIR", help="judge on this data (default: test part of --calibration)"
    )
    quantize.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the package")
    quantize.add_argument("--report", type=Path, metavar="DIR", help="folder of the report (default: OUT-report)")
    quantize.add_argument("--scheme", choices=_SCHEMES, default="int8", help="number format (default: %(default)s)")
    quantize.add_argument(
        "--calibration-count", type=positive, metavar="N", help=f"examples (default: {COUNT}; a detector: 64)"
    )
    quantize.add_argument("--max-drop", type=float, default=1.0, metavar="POINTS", help="of accuracy: %(default)s")
    quantize.add_argument("--max-class-drop", type=float, default=5.0, metavar="POINTS", help="of recall: %(default)s")
    quantize.add_argument("--finetune", type=int, default=0, metavar="EPOCHS", help="quantization-aware, Keras only")
    quantize.add_argument("--no-float16", action="store_true", help="without the variant for GPUs")
    contract = quantize.add_argument_group(
        "what the file does not say", "Measured on labelled faces where that is certain, else asked for."
    )
    contract.add_argument("--contract", type=Path, metavar="FILE", help="TOML with labels and [input]")
    contract.add_argument("--labels", metavar="A,B,...", help="in the order of the outputs")
    contract.add_argument("--size", type=_size, metavar="HxWxC", help="for a model that leaves its size open")
    contract.add_argument("--range", type=_pair, metavar="LOW,HIGH", help="pixels 0..255 are mapped onto: --range=-1,1")
    contract.add_argument("--order", choices=("rgb", "bgr"), help="of the channels")
    contract.add_argument("--mean", type=_numbers, metavar="R[,G,B]", help="subtracted after that")
    contract.add_argument("--std", type=_numbers, metavar="R[,G,B]", help="divided by after that")
    contract.add_argument("--crop-margin", type=float, metavar="SHARE", help="around the detector's box")
    quantize.set_defaults(command=_quantize)

    inspect = described(
        commands.add_parser,
        "Tell what is in a model package or a .tflite file, and which of its operations run on which accelerator.",
        "emotion-convert inspect models/face-emotion\n  emotion-convert inspect mine.tflite --delegate libvx.so",
        "inspect",
    )
    inspect.add_argument("model", type=Path, metavar="MODEL", help="a package's folder, or a .tflite file")
    inspect.add_argument("--delegate", default="", metavar="LIBRARY", help="a TFLite delegate to load and ask")
    inspect.add_argument("--delegate-option", action="append", default=[], metavar="KEY=VALUE", help="repeatable")
    inspect.add_argument("--text", action="store_true", help="where the operations run, for people (default: JSON)")
    inspect.set_defaults(command=_inspect)

    golden = described(
        commands.add_parser,
        "Put golden vectors into a package that was made without: input, features, answer, checked on the device.",
        "emotion-convert golden models/face-emotion",
        "golden",
    )
    golden.add_argument("package", type=Path, metavar="PACKAGE")
    golden.set_defaults(command=_golden)

    bench = described(
        commands.add_parser,
        "Measure a model package or a .tflite file here, or over ssh on a device where emotion-edge is installed.",
        "emotion-convert bench models/face-emotion --threads 1,2,4\n"
        "  emotion-convert bench models/face-emotion --host pi@kitchen-pi.local --json -",
        "bench",
    )
    bench.add_argument("model", type=Path, metavar="MODEL", help="a package's folder, or a .tflite file")
    bench.add_argument("--host", metavar="USER@HOST", help="measure there; keys, not passwords")
    bench.add_argument(
        "--ssh", default="ssh", metavar="COMMAND", help='e.g. "ssh -p 2222 -i key" (default: %(default)s)'
    )
    bench.add_argument("--python", metavar="FILE", help="of emotion-edge there (default: /opt/emotion-edge/bin/python)")
    bench.add_argument("--accelerators", default="cpu,gpu", metavar="A,B", help="of cpu, gpu, npu, external")
    bench.add_argument("--threads", type=_counts, default=(1, 2), metavar="N,M", help="of the CPU (default: 1,2)")
    bench.add_argument("--delegate", default="", metavar="LIBRARY", help="for external; for npu its folder")
    bench.add_argument("--delegate-option", action="append", default=[], metavar="KEY=VALUE", help="repeatable")
    bench.add_argument("--seconds", type=float, default=1.0, help="for each row (default: %(default)s)")
    bench.add_argument("--fps", type=float, default=15.0, help="of the camera, for the share of a frame (%(default)s)")
    add_figures(bench)
    bench.set_defaults(command=_bench)

    export = described(
        commands.add_parser,
        "Write a Keras model for another runtime, and check that it answers the same there.",
        "emotion-convert export runs/face --format onnx --out face.onnx",
        "export",
    )
    export.add_argument("model", type=Path, metavar="MODEL", help="folder of a run, .keras, .h5 or .hdf5")
    export.add_argument("--format", choices=("onnx", "savedmodel", "keras"), required=True)
    export.add_argument("--out", type=Path, required=True, metavar="PATH")
    export.set_defaults(command=_export)


def _quantize(arguments: argparse.Namespace) -> int:
    from convert.contract import read_given
    from convert.gate import Limits
    from convert.quantize import Request, quantize

    low, high = arguments.range or (None, None)
    flags = {
        "low": low,
        "high": high,
        "order": arguments.order,
        "mean": arguments.mean,
        "std": arguments.std,
        "crop_margin": arguments.crop_margin,
    }
    report = quantize(
        arguments.model,
        Request(
            task=arguments.task,
            calibration=arguments.calibration,
            out=arguments.out,
            evaluate=arguments.evaluate,
            report=arguments.report,
            scheme=arguments.scheme,
            count=arguments.calibration_count,
            limits=Limits(arguments.max_drop, arguments.max_class_drop),
            given=read_given(arguments.contract, arguments.labels, flags, arguments.task),
            size=arguments.size,
            float16=not arguments.no_float16,
            finetune=arguments.finetune,
        ),
    )
    where = arguments.report or arguments.out.with_name(f"{arguments.out.name}-report")
    for key, value in report["contract"]["known_by"].items():
        print(f"{key}: {value}")
    if not report["passed"]:
        for finding in report["findings"]:
            print(f"{finding['what']}: {finding['message']} {finding['advice']}", file=sys.stderr)
        print(f"emotion-convert: {arguments.out} was not written: see {where / 'report.md'}", file=sys.stderr)
        return 1
    metrics = json.loads((arguments.out / "model.json").read_text(encoding="utf-8"))["metrics"]
    rows = {f"{name}, {kind}": values for name, kinds in metrics.items() for kind, values in kinds.items()}
    if classified := {name: values for name, values in rows.items() if "accuracy" in values}:
        print(figures_table(classified))
    for name, values in rows.items():
        if "ap" in values:
            print(f"{name}: {json.dumps(values)}")
    print(f"\n{arguments.out}: written; the report is in {where}")
    return 0


def _inspect(arguments: argparse.Namespace) -> int:
    from convert.delegates import delegate_lines
    from convert.inspection import inspect_model

    options = dict(pair.partition("=")[::2] for pair in arguments.delegate_option)
    told = inspect_model(arguments.model, arguments.delegate, options)
    lines = delegate_lines(told["delegates"]) if arguments.text else [json.dumps(told, indent=2, ensure_ascii=False)]
    print("\n".join(lines))
    return 0


def _golden(arguments: argparse.Namespace) -> int:
    from convert.golden import add_golden
    from convert.inspection import task_of

    add_golden(arguments.package, task_of(arguments.package))
    return 0


def _bench(arguments: argparse.Namespace) -> int:
    from convert.bench import bench, bench_table

    told = bench(
        arguments.model,
        arguments.accelerators.split(","),
        arguments.threads,
        arguments.seconds,
        arguments.fps,
        arguments.delegate,
        dict(pair.partition("=")[::2] for pair in arguments.delegate_option),
        arguments.host,
        arguments.ssh,
        arguments.python,
    )
    text = json.dumps(told, indent=2)
    if arguments.json == "-":
        print(text)
        return 0
    if arguments.json:
        Path(arguments.json).write_text(text + "\n", encoding="utf-8")
    print(bench_table(told))
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from convert.export import export

    off = export(arguments.model, arguments.format, arguments.out)
    print(f"{arguments.out}: written; its answers differ from the original's by at most {off:.1e}")
    return 0


def _counts(text: str) -> tuple[int, ...]:
    return tuple(positive(part) for part in text.split(","))


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def _pair(text: str) -> tuple[float, ...]:
    values = _numbers(text)
    if len(values) != 2 or not values[0] < values[1]:
        raise argparse.ArgumentTypeError(f"expected LOW,HIGH as in --range=-1,1, got {text}")
    return values


def _size(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.lower().split("x"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected HEIGHTxWIDTHxCHANNELS as in 48x48x1, got {text}") from error
