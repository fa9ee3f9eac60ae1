"""Views for the detector: what is cut, turned and mirrored keeps its labels."""

from __future__ import annotations

import numpy as np
import pytest

from convert.augment_photos import MOST_FACES, TARGET, Scene, View, Views, load_scenes, target
from convert.datasets.photos import Photo, background_photos, training_photos


@pytest.fixture(scope="module")
def views(small_photos) -> Views:
    backgrounds, hard = background_photos(small_photos)
    return Views(load_scenes(training_photos(small_photos)), load_scenes(backgrounds), load_scenes(hard))


def test_views_are_the_same_for_the_same_seed_and_hold_labelled_faces(views):
    one, again = (views.view(128, 128, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.image, again.image)
    made = [views.view(128, 128, np.random.default_rng(seed)) for seed in range(40)]
    assert all(view.image.shape == (128, 128, 3) and view.image.dtype == np.uint8 for view in made)
    assert sum((~view.ignored).any() for view in made) > 20
    for view in made:
        assert (view.corners >= 0).all()
        assert (view.corners <= 128).all()


def test_labels_follow_the_pixels(tmp_path):
    """A photo that is black but for five bright points: wherever a view shows them, its landmarks are."""
    image = np.zeros((300, 300, 3), np.uint8)
    points = np.array([[120, 130], [180, 130], [150, 160], [130, 190], [170, 190]], np.float32)
    for x, y in points.astype(int):
        image[y - 4 : y + 5, x - 4 : x + 5] = 255
    photo = Photo(tmp_path, np.array([[100, 100, 100, 120]], np.float32), points[np.newaxis], np.array([False]))
    black = Scene(
        np.zeros((64, 64, 3), np.uint8), Photo(tmp_path, np.zeros((0, 4)), np.zeros((0, 5, 2)), np.zeros(0, bool))
    )
    views = Views([Scene(image, photo)], [black], [black])
    seen = 0
    for seed in range(60):
        view = views.view(160, 160, np.random.default_rng(seed))
        rows = target(view)
        grey = view.image.astype(int).sum(axis=2)
        for row in rows[(rows[:, 15] == 1) & (rows[:, 14] == 1)]:
            size = np.sqrt((row[2] - row[0]) * (row[3] - row[1]))
            if size < 30:
                continue
            for x, y in row[4:14].reshape(5, 2).astype(int):
                near = grey[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
                seen += near.max() > np.percentile(grey, 60)
                assert row[0] - 2 <= x <= row[2] + 2
    assert seen > 50


def test_a_target_tells_faces_ignored_places_and_nothing_apart(views):
    view = next(
        view
        for view in (views.view(160, 160, np.random.default_rng(seed)) for seed in range(50))
        if view.ignored.any() and not view.ignored.all()
    )
    rows = target(view)
    assert rows.shape == (MOST_FACES, TARGET)
    kinds = rows[:, 15].tolist()
    assert kinds[: len(view.ignored)] == sorted(np.where(view.ignored, 0, 1).tolist(), reverse=True)
    assert set(kinds[len(view.ignored) :]) == {-1}


def test_faces_beyond_those_of_a_target_are_not_taken_for_mistakes():
    """The largest are learnt; where the others are, nothing is wanted and nothing is wrong."""
    left = np.arange(MOST_FACES + 8, dtype=np.float32) * 20
    corners = np.stack([left, 0 * left, left + 18 - left / 200, 0 * left + 18], axis=1)  # smaller and smaller
    unknown = np.full((len(corners), 5, 2), np.nan, np.float32)
    rows = target(View(np.zeros((32, 1000, 3), np.uint8), corners, unknown, np.zeros(len(corners), bool)))
    np.testing.assert_array_equal(rows[:-1, :4], corners[: MOST_FACES - 1])
    assert (rows[:-1, 15] == 1).all()
    np.testing.assert_allclose(rows[-1, :4], [corners[MOST_FACES - 1, 0], 0, corners[-1, 2], 18])
    assert rows[-1, 14] == rows[-1, 15] == 0


def test_a_photo_of_many_faces_is_shown_more_often_than_a_portrait(tmp_path):
    def scene(faces: int, level: int) -> Scene:
        boxes = np.array([[10 + 20 * number, 20, 15, 15] for number in range(faces)], np.float32).reshape(-1, 4)
        photo = Photo(tmp_path, boxes, np.full((faces, 5, 2), np.nan, np.float32), np.zeros(faces, bool))
        return Scene(np.full((60, 200, 3), level, np.uint8), photo)

    views = Views([scene(1, 10), scene(9, 20)], [scene(0, 0)], [scene(0, 0)], whole=True)
    rng = np.random.default_rng(3)
    many = sum(len(views.view(64, 200, rng).corners) > 1 for _ in range(200))
    assert 105 < many < 160  # three times as often, but for backgrounds and what a view leaves out


def test_some_backgrounds_get_faces_whose_landmarks_are_not_known(tmp_path):
    nobody = Photo(tmp_path, np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, bool))
    grey = [Scene(np.full((200, 200, 3), 90, np.uint8), nobody)]
    rng = np.random.default_rng(1)
    views = Views(grey, grey, grey, np.full((3, 48, 48), 255, np.uint8))
    made = [target(views.view(96, 96, rng)) for _ in range(150)]
    assert 3 < sum((rows[:, 15] == 1).any() for rows in made) < 40
    assert not any((rows[:, 14] == 1).any() for rows in made)


def test_faces_that_fill_the_view_are_shown_too(tmp_path):
    """Small ones in the same photos do not take their place."""
    boxes = np.array([[100, 60, 200, 250], [400, 100, 12, 15], [450, 100, 12, 15]], np.float32)
    photo = Photo(tmp_path, boxes, np.full((3, 5, 2), np.nan, np.float32), np.zeros(3, bool))
    scene = Scene(np.zeros((480, 640, 3), np.uint8), photo)
    views = Views([scene], [scene], [scene])
    largest = [
        (view.corners[~view.ignored, 3] - view.corners[~view.ignored, 1]).max(initial=0.0) / 256
        for view in (views.view(256, 256, np.random.default_rng(seed)) for seed in range(200))
    ]
    assert np.mean(np.array(largest) > 0.6) > 0.1


def test_at_the_end_of_a_training_most_views_are_whole_photos_in_the_shape_of_the_input(tmp_path):
    corners = np.array([[10, 10, 60, 60], [330, 230, 60, 60]], np.float32)
    photo = Photo(tmp_path, corners, np.full((2, 5, 2), np.nan, np.float32), np.zeros(2, bool))
    scene = Scene(np.full((300, 400, 3), 90, np.uint8), photo)
    nobody = Photo(tmp_path, np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, bool))
    empty = [Scene(scene.image, nobody)]
    filled = {}
    for whole in (True, False):
        views = Views([scene], empty, empty, whole=whole)
        made = [views.view(96, 128, np.random.default_rng(seed)) for seed in range(400)]
        assert {view.image.shape for view in made} == {(96, 128, 3)}
        # A whole photo fills the view: its faces, 320 pixels apart, are so at 0.8 of the scale that fits, or more.
        apart = 0.8 * 0.32 * 320
        filled[whole] = np.mean(
            [len(view.ignored) == 2 and abs(view.corners[0, 0] - view.corners[1, 0]) > apart for view in made]
        )
        # A mosaic may show the same photo four times, a whole one has a face in two corners at most.
        assert any(len(view.ignored) > 2 for view in made)
    assert filled[True] > 2 * filled[False]


def test_some_views_are_as_sharp_as_a_camera_makes_them(tmp_path):
    """A sharpened edge overshoots: it is brighter than the bright side."""
    image = np.full((100, 200, 3), 90, np.uint8)
    image[:, 100:] = 150
    nobody = Photo(tmp_path, np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, bool))
    edge = [Scene(image, nobody)]
    sharp = 0
    for seed in range(300):
        view = Views(edge, edge, edge).view(96, 128, np.random.default_rng(seed)).image
        profile = np.median(view[..., 1], axis=0)
        levels, columns = np.unique(profile, return_counts=True)
        sharp += profile.max() > levels[columns > 20].max(initial=0) + 3
    assert 45 < sharp < 110  # 28 of them by noise and borders
