"""A trained late fusion to quantize: calibrated and judged on synthetic pairs of what senses said."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from convert.contract import Given, check_contract, resolve
from convert.examples import Judged, Sample
from convert.float_model import FloatModel
from convert.judge_classifier import ClassifierJudge
from convert.judging import Subject
from convert.pairs import Said, as_tensors, training_pairs
from convert.representative import SEED
from convert.senses import Senses, joined, read_senses
from edge.perceive.fusion_input import FusionInput
from edge.records import EMOTIONS

_JUDGED_ON = 7000
_UNHEARD = "synthetic pairs, unheard actors"


def fusion_subject(
    model: FloatModel, data: Path, evaluate: Path | None, scheme: str, count: int, given: Given
) -> Subject:
    """The fusion `model`, calibrated on pairs as it was trained on.

    It is judged on pairs with faces that it was not trained on, FER2013's PrivateTest, and all that happens to senses.
    They hold voices that it may know: what it is worth for unheard actors was measured when it was trained.

    Args:
        given: what the inputs and labels are, of a model without a run.
        data: folder of a run of a fusion; `evaluate`: another one, to judge on; None: `data`.

    Raises:
        ConfigError: the folder is that of no run of a fusion, or the model's contract is not given.
    """
    run, how = resolve(model, "fusion", given, None)
    spec = cast(FusionInput, run.input)
    check_contract(model, run)
    unheard = run.about.pop("figures", {})
    senses = read_senses(data)
    voices, noises = _everybody(senses)
    pairs = training_pairs(senses.public, voices, noises, count, SEED)
    tensors, labels = as_tensors(pairs, spec)
    sample = Sample(tensors, tuple(f"pair {index} {EMOTIONS[label]}" for index, label in enumerate(labels)))
    others = read_senses(evaluate) if evaluate else senses
    tried = as_tensors(training_pairs(others.private, *_everybody(others), _JUDGED_ON, SEED + 1), spec)
    judged = Judged("synthetic pairs, faces of PrivateTest", *tried)
    metrics = {_UNHEARD: unheard} if unheard else {}
    return Subject(model, run, how, sample, lambda made: ClassifierJudge(made, run, [judged], scheme, metrics=metrics))


def _everybody(senses: Senses) -> tuple[Said, Said]:
    return joined(senses.voices), joined(senses.noises)
