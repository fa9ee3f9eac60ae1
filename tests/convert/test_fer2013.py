from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from convert.datasets.faces import LABELS, twins
from convert.datasets.fer2013 import load, load_data
from edge.errors import ConfigError


def test_the_table_says_which_tile_is_whose(small_fer):
    faces = load(small_fer, "train")
    assert faces.images.shape == (56, 48, 48)
    assert faces.labels.tolist() == [index % 7 for index in range(56)]
    # Emotion k was drawn as k dark bars (one image was replaced by an angry one: none).
    dark = (faces.images.min(axis=1) < 60).sum(axis=1) // 3
    assert dark.tolist() == [index % 7 for index in range(56)]


def test_votes_are_shares_of_the_eight_and_absent_where_the_row_is_not_known(small_fer):
    votes = load(small_fer, "train").votes
    assert votes[0, LABELS.index("angry")] == pytest.approx(0.6)
    assert votes[0, LABELS.index("contempt")] == pytest.approx(0.2)
    assert votes[1].tolist() == [0] * 8


def test_ferplus_labels_are_the_majority_of_the_votes(small_fer, tmp_path: Path):
    data = load_data(small_fer, "ferplus")
    assert set(data.train.labels.tolist()) == {LABELS.index("angry")}
    assert len(data.train) == 54  # of 56: a twin, and one whose votes are not known
    _write_official(small_fer, tmp_path)
    with pytest.raises(ConfigError, match=r"fer2013new\.csv"):
        load_data(tmp_path, "ferplus")
    _write_votes(tmp_path)
    votes = load(tmp_path, "train").votes
    assert votes[0].tolist() == pytest.approx([0, 0, 0, 0.5, 0, 0, 0.25, 0.25])
    assert votes[1].tolist() == [0] * 8  # no name: not a face
    assert votes[2].tolist() == [0] * 8  # most were unsure
    assert set(load_data(tmp_path, "ferplus").train.labels.tolist()) == {LABELS.index("happy")}


def _write_votes(folder: Path) -> None:
    """The official FER+ table: three kinds of rows, in turn."""
    words = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
    rows = (["fer.png", 2, 4, 0, 0, 0, 0, 0, 2, 2, 0], ["", *[0] * 9, 10], ["fer.png", 0, 3, 0, 0, 0, 0, 0, 0, 7, 0])
    with (folder / "fer2013new.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["Usage", "Image name", *words])
        table.writerows(["Training", *rows[index % 3]] for index in range(84))


def _write_official(pack: Path, folder: Path) -> None:
    with (folder / "fer2013.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["emotion", "pixels", "Usage"])
        for split, usage in (("train", "Training"), ("public_test", "PublicTest"), ("private_test", "PrivateTest")):
            faces = load(pack, split)
            for image, label in zip(faces.images, faces.labels, strict=True):
                table.writerow([label, " ".join(map(str, image.ravel())), usage])


def test_training_lacks_the_images_of_the_test_splits(small_fer):
    data = load_data(small_fer)
    train, public = data.train, data.splits[data.chosen_on]
    private = load(small_fer, "private_test")
    assert len(data.splits["FER2013 PrivateTest without twins"]) == 13
    assert twins(private, load(small_fer, "train")).tolist() == [True] + [False] * 13
    assert len(train) == 55
    assert not twins(train, private).any()
    assert len(public) == 14


def test_the_official_csv_reads_like_the_pack(small_fer, tmp_path: Path):
    _write_official(small_fer, tmp_path)
    official, pack = load_data(tmp_path).train, load_data(small_fer).train
    assert np.array_equal(official.images, pack.images)
    assert np.array_equal(official.labels, pack.labels)


@pytest.mark.parametrize("row", ["7,0 0,Training", "0,1 2 3,Training", "0,1 2 3"])
def test_a_wrong_row_is_named(tmp_path: Path, row: str):
    (tmp_path / "fer2013.csv").write_text(f"emotion,pixels,Usage\n{row}\n")
    with pytest.raises(ConfigError, match=r"line 2|found none"):
        load(tmp_path, "train")


def test_missing_data_says_what_was_expected(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"expected FER2013 as fer2013\.csv .* or as train\.csv"):
        load(tmp_path, "train")


def test_a_table_without_its_mosaic_is_refused(small_fer, tmp_path: Path):
    (tmp_path / "train.csv").write_bytes((small_fer / "train.csv").read_bytes())
    with pytest.raises(ConfigError, match=r"train\.webp"):
        load(tmp_path, "train")


def test_the_real_pack_has_its_known_twins(packs):
    folder = packs("fer2013")
    train = load(folder, "train")
    public, private = load(folder, "public_test"), load(folder, "private_test")
    assert (len(train), len(public), len(private)) == (28_709, 3_589, 3_589)
    assert (twins(public, train).sum(), twins(private, train).sum()) == (280, 288)
    with (folder / "private_test.csv").open(newline="") as file:
        flagged = [row["twin_in_train"] == "1" for row in csv.DictReader(file)]
    assert twins(private, train).tolist() == flagged
