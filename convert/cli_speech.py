"""The voice's part of `emotion-convert`, and that of the fusion, which learns from a voice's run."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from convert.cli_parts import above_zero, add_data, add_figures, add_run, described, write_figures
from convert.keras_start import start_keras


def add_train(tasks: Any) -> None:
    """`emotion-convert train speech` and `train fusion`."""
    speech = described(
        tasks.add_parser,
        "Train the speech model on the corpora in the folders ravdess, crema, savee, tess and emodb of DIR, with "
        "the sounds in noise behind them and as examples of no speech.",
        "emotion-convert train speech --data data --folds --out runs/speech",
        "speech",
    )
    speech.add_argument("--folds", action="store_true", help="also train a model for each fold of RAVDESS actors")
    speech.add_argument("--corpora", action="store_true", help="also train a model without each corpus")
    speech.add_argument(
        "--held-out-only", action="store_true", help="with these two: not the model of all speakers, only the figures'"
    )
    speech.add_argument(
        "--architecture",
        default="separable",
        metavar="NAME",
        help="separable (default), separable-wide, -causal or -attention, lstm, cnn, cnn-lstm, svm, elm",
    )
    speech.add_argument(
        "--pitch", action=argparse.BooleanOptionalAction, default=True, help="voicing and pitch beside the MFCC"
    )
    speech.add_argument("--energy", action="store_true", help="the level below the loudest frame too")
    speech.add_argument("--deltas", action="store_true", help="the slopes of all these too")
    speech.add_argument(
        "--keep", type=Path, metavar="FILE", help="file of computed features, for several runs (default: in --out)"
    )
    add_data(speech)
    add_run(speech)
    speech.add_argument(
        "--teacher",
        type=Path,
        action="append",
        default=[],
        metavar="RUN",
        help="run of speech, with the same splits and features, to learn from; repeatable",
    )
    speech.add_argument("--minutes", type=above_zero, help="train each model so long, instead of by epochs")
    speech.set_defaults(command=_train_speech)
    fusion = described(
        tasks.add_parser,
        "Train the late fusion on synthetic pairs of FER2013's faces and RAVDESS' voices; then quantize the run.",
        "emotion-convert train fusion --speech runs/speech --face models/face-emotion --data data --out runs/fusion",
        "fusion",
    )
    fusion.add_argument("--speech", type=Path, required=True, metavar="RUN", help="a speech run with its fold models")
    fusion.add_argument("--face", type=Path, required=True, metavar="PACKAGE", help="the face package")
    add_data(fusion)
    fusion.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    fusion.set_defaults(command=_train_fusion)


def add_evaluate(tasks: Any) -> None:
    """`emotion-convert evaluate speech`."""
    speech = described(
        tasks.add_parser,
        "Measure a run's fold models, and those without a corpus, quantized, on the voices that each holds out; or a "
        "package by corpus.",
        "emotion-convert evaluate speech --folds runs/speech --data data --out report",
        "speech",
    )
    what = speech.add_mutually_exclusive_group(required=True)
    what.add_argument("--folds", type=Path, metavar="RUN", help="trained with --folds, --corpora or both")
    what.add_argument("--model", type=Path, metavar="PACKAGE")
    speech.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="with --folds: also as a device hears it, in noise, and false alarms; as JSON, Markdown and PNG there",
    )
    speech.add_argument(
        "--scheme",
        choices=("int8", "int16x8", "dynamic", "float16"),
        default="int8",
        help="number format of the models of --folds (default: %(default)s); an LSTM has no int8",
    )
    add_data(speech)
    add_figures(speech)
    speech.set_defaults(command=_evaluate)
    fusion = described(
        tasks.add_parser,
        "Compare ways of fusion on synthetic pairs, and with them an early one of both networks' embeddings: an "
        "experiment, of which nothing is kept but report.json and report.md.",
        "emotion-convert evaluate fusion --speech runs/speech --face models/face-emotion --face-run "
        "checkpoints/face-emotion --data data --out report",
        "fusion",
    )
    fusion.add_argument("--speech", type=Path, required=True, metavar="RUN", help="a speech run with its fold models")
    fusion.add_argument("--face", type=Path, required=True, metavar="PACKAGE", help="the face package")
    fusion.add_argument("--face-run", type=Path, required=True, metavar="RUN", help="the float network behind it")
    add_data(fusion)
    fusion.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the report")
    fusion.set_defaults(command=_evaluate_fusion)


def _train_speech(arguments: argparse.Namespace) -> None:
    start_keras(arguments.out / "keras.log", tensorflow=bool(arguments.teacher))
    from convert.train_speech import RECIPE, Features, train_speech

    recipe = replace(RECIPE, epochs=arguments.epochs or RECIPE.epochs, minutes=arguments.minutes or 0.0)
    train_speech(
        arguments.data,
        arguments.out,
        recipe,
        folds=arguments.folds,
        resume=arguments.resume,
        architecture=arguments.architecture,
        features=Features(arguments.pitch, arguments.energy, arguments.deltas),
        corpora=arguments.corpora,
        whole=not arguments.held_out_only,
        teachers=arguments.teacher,
        kept=arguments.keep,
    )


def _train_fusion(arguments: argparse.Namespace) -> None:
    from convert.train_fusion import fusion_table, train_fusion

    print(fusion_table(train_fusion(arguments.speech, arguments.face, arguments.data, arguments.out)))


def _evaluate_fusion(arguments: argparse.Namespace) -> None:
    from convert.early_fusion import compare_early
    from convert.train_fusion import fusion_table

    told = compare_early(arguments.speech, arguments.face, arguments.face_run, arguments.data, arguments.out)
    print(fusion_table(told))


def _evaluate(arguments: argparse.Namespace) -> None:
    if arguments.model:
        from convert.evaluate import evaluate_speech

        write_figures(evaluate_speech(arguments.model, arguments.data), arguments.json)
        return
    from convert.folds import Making
    from convert.speech_report import held_out_figures, speech_report, write_speech_report

    making = Making(arguments.scheme)
    if arguments.out:
        write_speech_report(speech_report(arguments.folds, arguments.data, making), arguments.out)
        print((arguments.out / "report.md").read_text(encoding="utf-8"), end="")
    else:
        write_figures(held_out_figures(arguments.folds, arguments.data, making), arguments.json)
