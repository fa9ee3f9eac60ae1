"""The command `emotion-convert`: train, quantize, evaluate and inspect models on a workstation."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from convert import cli_detector
from convert.keras_start import start_keras
from convert.release_commands import add_release_commands
from convert.table import figures_table
from edge import __version__
from edge.errors import EdgeError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0 done, 1 failed with a message, 2 wrong usage (argparse exits with it)."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        return int(arguments.command(arguments) or 0)
    except (EdgeError, OSError) as error:
        print(f"emotion-convert: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("emotion-convert: interrupted; 'train ... --resume' goes on where it was.", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _described(
        argparse.ArgumentParser,
        "Train, quantize and measure the models of emotion-edge.",
        "emotion-convert train face --data data/fer2013 --out runs/face\n"
        "  emotion-convert quantize runs/face --task face --calibration data/fer2013 --out models/face-emotion\n"
        "  emotion-convert evaluate face --model models/face-emotion --data data/fer2013",
        prog="emotion-convert",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train a model from a data set").add_subparsers(
        required=True, metavar="TASK"
    )
    face = _described(
        train.add_parser,
        "Train a face model on FER2013 (with FER+), RAF-DB, AffectNet, CK+ or a folder for each emotion.",
        "emotion-convert train face --data data/fer2013 --out runs/face\n"
        "  emotion-convert train face --data data/fer2013 --out runs/r18 --architecture resnet18 --set mixup=0.2",
        "face",
    )
    _recipe_options(face)
    _architecture(face)
    face.add_argument(
        "--teacher", type=Path, action="append", default=[], metavar="DIR", help="package or run to distil; repeatable"
    )
    face.add_argument(
        "--from", dest="start", metavar="START", help="imagenet, a run, a .keras file or a package to begin with"
    )
    face.add_argument("--folds", type=int, metavar="K", help="K-fold cross-validation instead of one model")
    speech = _described(
        train.add_parser,
        "Train the speech model on the corpora in the folders ravdess, crema, savee, tess and emodb of DIR, with "
        "the sounds in noise behind them and as examples of no speech.",
        "emotion-convert train speech --data data --folds --out runs/speech",
        "speech",
    )
    speech.add_argument("--folds", action="store_true", help="also train a model for each fold of RAVDESS actors")
    speech.add_argument("--corpora", action="store_true", help="also train a model without each corpus")
    speech.add_argument(
        "--architecture", default="separable", metavar="NAME", help="separable (default), lstm, cnn, cnn-lstm, svm, elm"
    )
    speech.add_argument(
        "--pitch", action=argparse.BooleanOptionalAction, default=True, help="voicing and pitch beside the MFCC"
    )
    speech.add_argument("--energy", action="store_true", help="the level below the loudest frame too")
    speech.add_argument("--deltas", action="store_true", help="the slopes of all these too")
    fusion = _described(
        train.add_parser,
        "Train the late fusion on synthetic pairs of FER2013's faces and RAVDESS' voices; then quantize the run.",
        "emotion-convert train fusion --speech runs/speech --face models/face-emotion --data data --out runs/fusion",
        "fusion",
    )
    fusion.add_argument("--speech", type=Path, required=True, metavar="RUN", help="a speech run with its fold models")
    fusion.add_argument("--face", type=Path, required=True, metavar="PACKAGE", help="the face package")
    _data(fusion)
    fusion.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    fusion.set_defaults(command=_train_fusion)
    for command, function in ((face, _train_face), (speech, _train_speech)):
        _data(command)
        command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
        command.add_argument("--epochs", type=_positive, help="other than the recipe's")
        command.add_argument("--resume", action="store_true", help="go on after the last epoch that is kept in --out")
        command.set_defaults(command=function)

    cli_detector.add_train(train, _described, _positive)

    add_release_commands(commands, _described)

    evaluate = commands.add_parser("evaluate", help="measure a package or a run").add_subparsers(
        required=True, metavar="TASK"
    )
    face = _described(
        evaluate.add_parser,
        "Measure a face package on the test splits of a data set; FER2013's with and without twins.",
        "emotion-convert evaluate face --model models/face-emotion --data data/fer2013 --out report",
        "face",
    )
    face.add_argument("--model", type=Path, required=True, metavar="PACKAGE")
    face.add_argument(
        "--out", type=Path, metavar="DIR", help="write a report with plots, FER+ labels and robustness there"
    )
    speech = _described(
        evaluate.add_parser,
        "Measure a run's fold models, quantized to int8, on the actors that each holds out; or a package by corpus.",
        "emotion-convert evaluate speech --folds runs/speech --data data",
        "speech",
    )
    what = speech.add_mutually_exclusive_group(required=True)
    what.add_argument("--folds", type=Path, metavar="RUN")
    what.add_argument("--model", type=Path, metavar="PACKAGE")
    speech.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="with --folds: also noise, false alarms and unknown corpora; as JSON, Markdown and PNG in this folder",
    )
    for command, function in ((face, _evaluate_face), (speech, _evaluate_speech)):
        _data(command)
        command.add_argument("--json", metavar="FILE", help="write all figures there; - for standard output")
        command.set_defaults(command=function)

    cli_detector.add_evaluate(evaluate, _described)

    compare = _described(
        commands.add_parser,
        "Train several face networks by one recipe and budget, before and after augmentation, and print one table.",
        "emotion-convert compare --data data/fer2013 --out runs/compare --minutes 10 edge mobile cnn resnet18 vit-b32",
        "compare",
    )
    compare.add_argument("architectures", nargs="+", metavar="NAME", help="networks, as 'train face --architecture'")
    compare.add_argument("--test-images", type=_positive, default=0, metavar="N", help="measure on N test images only")
    compare.add_argument("--svm", action="store_true", help="also a support-vector machine on each one's embeddings")
    search = _described(
        commands.add_parser,
        "Search for a better face recipe with Optuna; what was tried before in --out counts.",
        "emotion-convert search --data data/fer2013 --out runs/search --minutes 10 --trials 20",
        "search",
    )
    search.add_argument("--trials", type=_positive, default=20, metavar="N", help="models to train in this call")
    for command, function in ((compare, _compare), (search, _search)):
        _data(command)
        command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of all that is trained")
        command.add_argument("--epochs", type=_positive, help="other than the recipe's")
        _recipe_options(command)
        command.set_defaults(command=function)
    _architecture(search)

    explain = _described(
        commands.add_parser,
        "Draw where a face network looks (Grad-CAM) and what its last maps show, for pictures of one face each.",
        "emotion-convert explain runs/face face.jpg --emotion happy --out pictures",
        "explain",
    )
    explain.add_argument("run", type=Path, metavar="RUN", help="folder of a run, or a .keras file with its run.json")
    explain.add_argument("images", type=Path, nargs="+", metavar="IMAGE")
    explain.add_argument("--emotion", metavar="NAME", help="explain this label instead of the network's answer")
    explain.add_argument("--layer", metavar="NAME", help="other than the last that matters; a wrong name lists some")
    explain.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the pictures")
    explain.set_defaults(command=_explain)

    recipe = _described(
        commands.add_parser,
        "Print the recipe of a face training as TOML, with what the options change.",
        "emotion-convert recipe --set augmentation.blur=0.2 > recipe.toml",
        "recipe",
    )
    _recipe_options(recipe)
    _architecture(recipe)
    recipe.set_defaults(command=_print_recipe)

    return parser


def _described(make: Any, text: str, example: str, *names: str, **options: str) -> Any:
    if names:
        options["help"] = text
    return make(
        *names,
        description=text,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **options,
    )


def _recipe_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--recipe", type=Path, metavar="FILE", help="TOML; 'emotion-convert recipe' prints the default"
    )
    command.add_argument("--minutes", type=float, help="train so long, instead of by epochs")
    command.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="change one setting of the recipe; repeatable"
    )


def _architecture(command: argparse.ArgumentParser) -> None:
    command.add_argument("--architecture", metavar="NAME", help="other than the recipe's; a wrong name lists them")


def _recipe(arguments: argparse.Namespace) -> Any:
    from convert.face_recipe import read_recipe

    names = ("architecture", "minutes", "epochs")
    named = {name: getattr(arguments, name, None) for name in names}
    settings = [f"{name}={value}" for name, value in named.items() if value is not None]
    return read_recipe(arguments.recipe, [*arguments.set, *settings])


def _data(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data set")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {value}")
    return value


def _train_face(arguments: argparse.Namespace) -> None:
    start_keras(arguments.out / "keras.log")
    from convert.train_face import train_face, train_folds

    recipe = _recipe(arguments)
    if arguments.folds is None:
        train_face(arguments.data, arguments.out, recipe, arguments.resume, arguments.teacher, arguments.start)
        return
    if arguments.folds < 2:
        raise EdgeError(f"--folds: expected 2 or more, got {arguments.folds}.")
    result = train_folds(arguments.data, arguments.out, recipe, arguments.folds, arguments.resume, arguments.teacher)
    print(f"accuracy on unseen folds: mean {100 * result['mean']:.1f} %, standard deviation {100 * result['std']:.1f}")


def _compare(arguments: argparse.Namespace) -> None:
    start_keras(arguments.out / "keras.log", tensorflow=True)
    from convert.compare import compare, comparison_table

    recipe = _recipe(arguments)
    names, out = arguments.architectures, arguments.out
    print(comparison_table(compare(arguments.data, names, recipe, out, arguments.test_images, arguments.svm)), end="")


def _search(arguments: argparse.Namespace) -> None:
    start_keras(arguments.out / "keras.log")
    from convert.face_recipe import recipe_toml
    from convert.search import search_face

    print(recipe_toml(search_face(arguments.data, arguments.out, _recipe(arguments), arguments.trials)), end="")


def _explain(arguments: argparse.Namespace) -> None:
    start_keras(arguments.out / "keras.log", tensorflow=True)
    from convert.explain import explain

    for path in explain(arguments.run, arguments.images, arguments.out, arguments.emotion, arguments.layer):
        print(path)


def _print_recipe(arguments: argparse.Namespace) -> None:
    start_keras(Path(os.devnull))
    from convert.face_recipe import recipe_toml

    print(recipe_toml(_recipe(arguments)), end="")


def _train_speech(arguments: argparse.Namespace) -> None:
    start_keras(arguments.out / "keras.log")
    from convert.train_speech import RECIPE, Features, train_speech

    recipe = replace(RECIPE, epochs=arguments.epochs or RECIPE.epochs)
    train_speech(
        arguments.data,
        arguments.out,
        recipe,
        folds=arguments.folds,
        resume=arguments.resume,
        architecture=arguments.architecture,
        features=Features(arguments.pitch, arguments.energy, arguments.deltas),
        corpora=arguments.corpora,
    )


def _train_fusion(arguments: argparse.Namespace) -> None:
    from convert.train_fusion import fusion_table, train_fusion

    print(fusion_table(train_fusion(arguments.speech, arguments.face, arguments.data, arguments.out)))


def _evaluate_face(arguments: argparse.Namespace) -> None:
    from convert.evaluate import evaluate_face

    if arguments.out:
        from convert.face_report import face_report

        _report(face_report(arguments.model, arguments.data, arguments.out)["measured"], arguments.json)
        return
    _report(evaluate_face(arguments.model, arguments.data), arguments.json)


def _evaluate_speech(arguments: argparse.Namespace) -> None:
    if arguments.folds and arguments.out:
        from convert.speech_report import speech_report, write_speech_report

        write_speech_report(speech_report(arguments.folds, arguments.data), arguments.out)
        print((arguments.out / "report.md").read_text(encoding="utf-8"), end="")
        return
    from convert.evaluate import evaluate_speech
    from convert.folds import fold_figures, held_out_outputs

    if arguments.folds:
        measured = fold_figures(held_out_outputs(arguments.folds, arguments.data))
        _report({f"RAVDESS, held-out actors, {kind}": values for kind, values in measured.items()}, arguments.json)
    else:
        _report(evaluate_speech(arguments.model, arguments.data), arguments.json)


def _report(measured: dict[str, Any], target: str | None) -> None:
    text = json.dumps(measured, indent=2)
    if target == "-":
        print(text)
        return
    print(figures_table(measured))
    if target is not None:
        Path(target).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
