"""Golden behaviour of the features that training and the device share."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import python_speech_features as psf
from hypothesis import given
from hypothesis import strategies as st

from edge.perceive.features import (
    DetectorInput,
    FaceInput,
    SpeechInput,
    align_face,
    crop_face,
    face_picture,
    face_tensor,
    frame_values,
    normalise_frames,
    picture_tensor,
    speech_tensor,
)
from edge.records import Box

GREY = FaceInput(height=48, width=48, channels=1, low=-1.0, high=1.0, crop_margin=0.0)
MFCC = SpeechInput(16_000, 1000, 25, 10, 40, 20, 60, 7600, True, (0.0,) * 20, (1.0,) * 20)


def tone(hz: float, seconds: float, amplitude: float = 0.1) -> np.ndarray:
    time_s = np.arange(int(16_000 * seconds)) / 16_000
    return (amplitude * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


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


def test_mfcc_is_what_python_speech_features_computes():
    """The same steps as its own mfcc(). The floor, far below this signal, moves a coefficient by less than 0.06."""
    rng = np.random.default_rng(3)
    samples = (tone(440, 1) + rng.normal(0, 0.05, 16_000)).astype(np.float32)
    theirs = psf.mfcc(
        samples, 16_000, 0.025, 0.01, 20, 40, 512, 60, 7600, 0.97, 22, appendEnergy=False, winfunc=np.hamming
    )
    ours = frame_values(samples, MFCC)
    assert ours.shape == (98, 20)
    np.testing.assert_allclose(ours, theirs[:98], rtol=0, atol=0.06)


def test_frames_do_not_depend_on_where_the_window_begins():
    """Each frame is its own, but for the pre-emphasis of the very first sample: streaming can compute it once."""
    samples = np.random.default_rng(4).normal(0, 0.1, 16_000).astype(np.float32)
    np.testing.assert_allclose(frame_values(samples[1600:], MFCC)[1:], frame_values(samples, MFCC)[11:], atol=1e-4)


def test_silence_is_a_constant_and_finite():
    cepstra = frame_values(np.zeros(16_000, np.float32), MFCC)
    assert np.isfinite(cepstra).all()
    assert np.ptp(cepstra, axis=0).max() < 1e-5


def test_gain_falls_out_with_the_mean():
    noise = np.random.default_rng(5).normal(0, 0.3, 16_000).astype(np.float32)
    # 20 dB softer; what is left is the floor under the softest bands.
    assert np.abs(speech_tensor(noise, MFCC) - speech_tensor(noise / 10, MFCC)).mean() < 0.05
    assert speech_tensor(noise, MFCC).std() > 1


def test_normalisation_uses_the_constants_of_the_package():
    spec = replace(MFCC, mean_removed=False, mean=(2.0,) * 20, std=(4.0,) * 20)
    np.testing.assert_allclose(normalise_frames(np.full((3, 20), 10, np.float32), spec), 2.0)


def test_lengths():
    assert MFCC.shape == (98, 20) == speech_tensor(tone(200, 1), MFCC).shape
    assert frame_values(np.zeros(100, np.float32), MFCC).shape == (0, 20)
    with pytest.raises(ValueError, match="needs 16000 samples, got 15999"):
        speech_tensor(np.zeros(15_999, np.float32), MFCC)


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
