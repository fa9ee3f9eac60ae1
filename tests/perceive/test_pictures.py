"""Golden behaviour of how pictures become tensors, which training and the device share."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.perceive.inputs import DetectorInput, FaceInput
from edge.perceive.pictures import align_face, crop_face, face_picture, face_tensor, picture_tensor
from edge.records import Box

GREY = FaceInput(height=48, width=48, channels=1, low=-1.0, high=1.0, crop_margin=0.0)


def test_a_crop_inside_the_picture_is_cut_not_copied():
    image = np.arange(100 * 80 * 3, dtype=np.uint8).reshape(100, 80, 3)
    crop = crop_face(image, Box(10, 20, 30, 20), 0.0)
    assert crop.shape == (30, 30, 3)
    assert np.shares_memory(crop, image)
    np.testing.assert_array_equal(crop, image[15:45, 10:40])


def test_a_margin_widens_the_square_on_each_side():
    assert crop_face(np.zeros((100, 100), np.uint8), Box(30, 30, 40, 40), 0.25).shape == (60, 60)


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.floats(-100, 100),
    st.floats(-100, 100),
    st.floats(0, 120),
    st.floats(0, 120),
)
def test_a_crop_is_square_and_never_empty_wherever_the_box_lies(height, width, x, y, w, h):
    image = np.full((height, width, 3), 7, np.uint8)
    crop = crop_face(image, Box(x, y, w, h), 0.1)
    assert crop.shape[0] == crop.shape[1] >= 1
    assert (crop == 7).all()


def test_pixels_are_mapped_onto_the_model_range():
    tensor = face_tensor(np.array([[0, 255]] * 2, np.uint8), replace(GREY, height=2, width=2))
    np.testing.assert_allclose(tensor[:, :, 0], [[-1, 1], [-1, 1]], atol=1e-6)
    assert tensor.dtype == np.float32


def test_red_green_and_blue_become_grey_with_their_luminance():
    """ITU-R BT.601: a swap of red and blue would show here."""
    for channel, weight in enumerate((0.299, 0.587, 0.114)):
        crop = np.zeros((48, 48, 3), np.uint8)
        crop[:, :, channel] = 255
        assert face_tensor(crop, replace(GREY, low=0.0)).mean() == pytest.approx(weight, abs=0.003)


@pytest.mark.parametrize("side", [1, 20, 48, 300])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_crop_gives_the_model_shape(side: int, channels: int):
    spec = replace(GREY, channels=channels)
    for crop in (np.zeros((side, side), np.uint8), np.zeros((side, side, 3), np.uint8)):
        assert face_tensor(crop, spec).shape == (48, 48, channels)


@pytest.mark.parametrize("side", [60, 97, 150, 268, 601])
def test_what_is_scaled_in_steps_and_as_grey_is_the_average_of_its_pixels(side: int):
    """Of a picture, and of noise, where pixels that are left out would show."""
    noise = np.random.default_rng(6).integers(0, 256, (side, side, 3), np.uint8)
    for crop, most in ((cv2.GaussianBlur(noise, (0, 0), side / 75), 3), (noise, 30)):
        average = cv2.cvtColor(cv2.resize(crop, (48, 48), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        ours = face_picture(crop, 48, 48, 1)
        assert np.abs(ours.astype(int) - average).max() <= most
        assert ours.std() == pytest.approx(average.std(), rel=0.2)


def test_colour_order_and_standardisation_are_parameters():
    pixel = np.array([[[255, 0, 51]]], np.uint8)
    plain = FaceInput(1, 1, 3, 0.0, 1.0, 0.0)
    np.testing.assert_allclose(face_tensor(pixel, plain)[0, 0], [1, 0, 0.2], atol=1e-6)
    others = FaceInput(1, 1, 3, 0.0, 1.0, 0.0, order="bgr", mean=(0.1, 0.2, 0.5), std=(0.5, 1.0, 2.0))
    np.testing.assert_allclose(face_tensor(pixel, others)[0, 0], [0.2, -0.2, 0.25], atol=1e-6)


def tilted(degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """A picture with two bright eyes and a mouth, turned, and its landmarks."""
    points = np.array([[80, 90], [120, 90], [100, 110], [88, 128], [112, 128]], np.float32)
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = ((points - 100) @ rotation.T + 100).astype(np.float32)
    image = np.full((200, 200, 3), 30, np.uint8)
    for x, y in points[:2]:
        cv2.circle(image, (round(float(x)), round(float(y))), 7, (255, 255, 255), -1)
    return image, points


@pytest.mark.parametrize("degrees", [-40, -12, 0, 20, 45])
def test_aligned_eyes_lie_level_and_at_the_same_place(degrees):
    image, points = tilted(degrees)
    spec = replace(GREY, align="eyes")
    crop = align_face(image, Box(50, 50, 100, 100), points, spec)
    assert crop.shape == (48, 48, 3)
    rows, columns = np.nonzero(crop[:, :, 0] > 150)
    left, right = columns < 24, columns >= 24
    assert abs(rows[left].mean() - rows[right].mean()) < 1
    assert columns[left].mean() == pytest.approx(14, abs=1.5)
    assert columns[right].mean() == pytest.approx(33, abs=1.5)


def test_a_profile_whose_eyes_lie_one_upon_the_other_is_not_turned():
    image, points = tilted(0)
    points[1] = points[0] + (1, 8)
    crop = align_face(image, Box(50, 50, 100, 100), points, replace(GREY, align="eyes"))
    np.testing.assert_array_equal(
        face_tensor(crop, GREY), face_tensor(crop_face(image, Box(50, 50, 100, 100), 0.0), GREY)
    )


def test_a_picture_becomes_a_tensor_in_the_range_that_the_contract_names():
    spec = DetectorInput(2, 2, 3, -1.0, 1.0)
    picture = np.array([[[0, 128, 255]] * 2] * 2, np.uint8)
    np.testing.assert_allclose(picture_tensor(picture, spec)[0, 0], [-1, 1 / 255, 1], atol=1e-5)
