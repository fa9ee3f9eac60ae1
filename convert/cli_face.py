"""The faces' part of `emotion-convert`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from convert.cli_parts import above_zero, add_data, add_figures, add_run, described, positive, write_figures
from convert.keras_start import start_keras
from edge.errors import EdgeError


def add_train(tasks: Any) -> None:
    """`emotion-convert train face`."""
    face = described(
        tasks.add_parser,
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
        "--from",
        dest="start",
        metavar="START",
        help="imagenet, a file of its weights, a run, .keras file or package",
    )
    face.add_argument("--folds", type=int, metavar="K", help="K-fold cross-validation instead of one model")
    add_data(face)
    add_run(face)
    face.set_defaults(command=_train)


def add_evaluate(tasks: Any) -> None:
    """`emotion-convert evaluate face`."""
    face = described(
        tasks.add_parser,
        "Measure a face package on the test splits of a data set; FER2013's with and without twins.",
        "emotion-convert evaluate face --model models/face-emotion --data data/fer2013 --out report",
        "face",
    )
    face.add_argument("--model", type=Path, required=True, metavar="PACKAGE")
    face.add_argument(
        "--out", type=Path, metavar="DIR", help="write a report with plots, FER+ labels and robustness there"
    )
    face.add_argument("--record", action="store_true", help="with --out: also tell it in the package's card")
    face.add_argument(
        "--detector", type=Path, metavar="PACKAGE", help="measure behind this face detector: found, cut out, judged"
    )
    add_data(face)
    add_figures(face)
    face.set_defaults(command=_evaluate)


def add_commands(commands: Any) -> None:
    """`emotion-convert average`, `compare`, `search`, `explain` and `recipe`."""
    average = described(
        commands.add_parser,
        "Average the weights of several runs that went on from the same one: often better than each of them.",
        "emotion-convert average runs/face runs/fine --out runs/averaged",
        "average",
    )
    average.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folders of runs of one network")
    average.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the new run")
    average.set_defaults(command=_average)
    compare = described(
        commands.add_parser,
        "Train several face networks by one recipe and budget, before and after augmentation, and print one table.",
        "emotion-convert compare --data data/fer2013 --out runs/compare --minutes 10 edge mobile cnn resnet18 vit-b32",
        "compare",
    )
    compare.add_argument("architectures", nargs="+", metavar="NAME", help="networks, as 'train face --architecture'")
    compare.add_argument("--test-images", type=positive, default=0, metavar="N", help="measure on N test images only")
    compare.add_argument("--svm", action="store_true", help="also a support-vector machine on each one's embeddings")
    search = described(
        commands.add_parser,
        "Search for a better face recipe with Optuna; what was tried before in --out counts.",
        "emotion-convert search --data data/fer2013 --out runs/search --minutes 10 --trials 20",
        "search",
    )
    search.add_argument("--trials", type=positive, default=20, metavar="N", help="models to train in this call")
    for command, function in ((compare, _compare), (search, _search)):
        add_data(command)
        command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of all that is trained")
        command.add_argument("--epochs", type=positive, help="other than the recipe's")
        _recipe_options(command)
        command.set_defaults(command=function)
    _architecture(search)

    explain = described(
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

    recipe = described(
        commands.add_parser,
        "Print the recipe of a face training as TOML, with what the options change.",
        "emotion-convert recipe --set augmentation.blur=0.2 > recipe.toml",
        "recipe",
    )
    _recipe_options(recipe)
    _architecture(recipe)
    recipe.set_defaults(command=_print_recipe)


def _recipe_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--recipe", type=Path, metavar="FILE", help="TOML; 'emotion-convert recipe' prints the default"
    )
    command.add_argument("--minutes", type=above_zero, help="train so long, instead of by epochs")
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


def _train(arguments: argparse.Namespace) -> None:
    start_keras(arguments.out / "keras.log")
    from convert.train_face import train_face, train_folds

    recipe = _recipe(arguments)
    if arguments.folds is None:
        train_face(arguments.data, arguments.out, recipe, arguments.resume, arguments.teacher, arguments.start)
        return
    if arguments.folds < 2:
        raise EdgeError(f"--folds: expected 2 or more, got {arguments.folds}.")
    result = train_folds(
        arguments.data,
        arguments.out,
        recipe,
        arguments.folds,
        arguments.resume,
        arguments.teacher,
        arguments.start,
    )
    print(f"accuracy on unseen folds: mean {100 * result['mean']:.1f} %, standard deviation {100 * result['std']:.1f}")


def _evaluate(arguments: argparse.Namespace) -> None:
    from convert.evaluate import evaluate_face

    if arguments.detector:
        if arguments.out:
            raise EdgeError("--detector: its figures are a table or --json; leave --out away, or measure without it.")
        from convert.end_to_end import evaluate_end_to_end

        write_figures(evaluate_end_to_end(arguments.model, arguments.data, arguments.detector), arguments.json)
        return
    if arguments.out:
        from convert.face_report import face_report

        report = face_report(arguments.model, arguments.data, arguments.out, arguments.record)
        write_figures(report["measured"], arguments.json)
        return
    if arguments.record:
        raise EdgeError("--record: expected --out too, the folder of the report that the card tells of.")
    write_figures(evaluate_face(arguments.model, arguments.data), arguments.json)


def _average(arguments: argparse.Namespace) -> None:
    from convert.average import average

    average(arguments.runs, arguments.out)


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
