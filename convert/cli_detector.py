"""The detector's part of `emotion-convert`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from convert.cli_parts import above_zero, add_data, add_run, described
from convert.keras_start import start_keras


def add_train(tasks: Any) -> None:
    """`emotion-convert train detector`."""
    command = described(
        tasks.add_parser,
        "Train the face detector on the folders train, background and background_hard of DIR.",
        "emotion-convert train detector --data data/photos --out runs/detector",
        "detector",
    )
    add_data(command, "folder of the photos")
    add_run(command)
    command.add_argument("--minutes", type=above_zero, default=0.0, help="train for so long instead of by epochs")
    command.add_argument("--learning-rate", type=above_zero, metavar="RATE", help="other than the recipe's at its peak")
    command.add_argument("--start", type=Path, metavar="RUN", help="begin with the weights of another run")
    command.add_argument("--faces", type=Path, metavar="DIR", help="FER2013: paste its faces into backgrounds")
    command.add_argument("--labels", type=Path, metavar="DIR", help="labels by `emotion-convert label`, not the data's")
    command.add_argument("--whole", action="store_true", help="mostly views of whole photos, for the end of a training")
    command.set_defaults(command=_train)


def add_label(commands: Any) -> None:
    """`emotion-convert label`."""
    command = described(
        commands.add_parser,
        "Label the faces in the photos of DIR/train by YuNet, which looks at each of them many times.",
        "emotion-convert label --data data/photos --teacher yunet_n_dynamic.onnx --out runs/labels",
        "label",
    )
    add_data(command, "folder of the photos; what train/labels.csv calls a face stays one")
    command.add_argument("--teacher", type=Path, required=True, metavar="ONNX", help="YuNet for pictures of any size")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="for labels.csv and labels_low.csv")
    command.set_defaults(command=_label)


def add_evaluate(tasks: Any) -> None:
    """`emotion-convert evaluate detector`."""
    command = described(
        tasks.add_parser,
        "Measure a detector on photos of people and of other things, beside YuNet and OpenCV 4's Haar cascade.",
        "emotion-convert evaluate detector --model models/face-detector --data data --yunet models/yunet --out report",
        "detector",
    )
    command.add_argument("--model", type=Path, required=True, metavar="PACKAGE")
    command.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="folder with photos/, and faces/ and noface/ if there"
    )
    command.add_argument(
        "--yunet", type=Path, metavar="DIR", help="folder of yunet_n_320_320.onnx, yunet_n_640_640.onnx"
    )
    command.add_argument(
        "--labels", type=Path, metavar="DIR", help="measure against labels by `emotion-convert label` as well"
    )
    command.add_argument("--out", type=Path, metavar="DIR", help="write report.md, report.json and pictures there")
    command.set_defaults(command=_evaluate)


def _train(arguments: argparse.Namespace) -> None:
    start_keras(arguments.out / "keras.log", tensorflow=True)
    from convert.train_detector import RECIPE, train_detector

    recipe = replace(
        RECIPE,
        epochs=arguments.epochs or RECIPE.epochs,
        minutes=arguments.minutes,
        learning_rate=arguments.learning_rate or RECIPE.learning_rate,
    )
    train_detector(
        arguments.data,
        arguments.out,
        recipe,
        arguments.resume,
        start=arguments.start,
        faces=arguments.faces,
        labels=arguments.labels,
        whole=arguments.whole,
    )


def _label(arguments: argparse.Namespace) -> None:
    from convert.label_photos import label_photos

    told = label_photos(arguments.data, arguments.teacher, arguments.out)
    print(
        f"{arguments.out}: {told['faces']} faces in {told['photos']} photos ({told['new']} more than before), "
        f"{told['doubtful']} doubtful ones."
    )


def _evaluate(arguments: argparse.Namespace) -> None:
    from convert.evaluate_detector import as_markdown, evaluate_detector, write_report

    report = evaluate_detector(arguments.model, arguments.data, arguments.yunet, arguments.labels)
    print(as_markdown(report))
    if arguments.out:
        write_report(report, arguments.model, arguments.data, arguments.out)
