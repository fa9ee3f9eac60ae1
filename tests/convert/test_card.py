"""The card tells a person what model.json says, and what the model must not be used for."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from convert.card import render_card
from edge.perceive.package import find_package

SHIPPED = sorted(find_package("face-emotion").parent.glob("*/model.json"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_the_shipped_card_is_that_of_its_model(path: Path):
    description = json.loads(path.read_text(encoding="utf-8"))
    card = render_card(description)
    assert card == (path.parent / "README.md").read_text(encoding="utf-8")
    for source in description["training_data"].values():
        assert f"[{source['title']}]({source['url']})" in card
        assert source["licence"] in card
    excluded = any(not source["commercial"] for source in description["training_data"].values())
    assert ("Not for commercial use" in card) == excluded
    assert "## Limits" in card


def test_there_is_a_card_of_every_task():
    assert {json.loads(path.read_text(encoding="utf-8"))["task"] for path in SHIPPED} == {
        *("face", "speech", "fusion", "detector")
    }


def test_every_figure_of_the_description_stands_in_the_card():
    description = json.loads((find_package("face-emotion") / "model.json").read_text(encoding="utf-8"))
    card = render_card(description)
    for name, kinds in description["metrics"].items():
        for kind, figures in kinds.items():
            row = re.search(rf"^\| {re.escape(name)} \| {kind} \|.*$", card, re.M)
            assert f" {100 * figures['accuracy']:.1f} %" in row.group()
