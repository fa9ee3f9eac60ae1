from __future__ import annotations

import re
from itertools import combinations

import numpy as np

from edge.palette import COLOURS, hexadecimal
from edge.records import EMOTIONS, UNCERTAIN

#: Machado, Oliveira and Fernandes 2009, "A Physiologically-based Model for Simulation of Color Vision Deficiency",
#: severity 1, for linear RGB: who sees no red, no green.
PROTANOPIA = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
DEUTERANOPIA = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))


def test_every_emotion_has_a_colour_and_so_has_none() -> None:
    assert list(COLOURS) == [*EMOTIONS, UNCERTAIN]
    for emotion, colour in COLOURS.items():
        word = hexadecimal(emotion)
        assert re.fullmatch("#[0-9a-f]{6}", word)
        assert tuple(bytes.fromhex(word[1:])) == colour


def _lightness_and_hue(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear sRGB (D65)."""
    to_xyz = np.array([(0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505)])
    x, y, z = np.cbrt(np.clip(to_xyz @ rgb, 1e-4, None) / (0.9505, 1.0, 1.089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_no_two_look_alike_to_anybody() -> None:
    linear = {name: (np.array(colour) / 255) ** 2.2 for name, colour in COLOURS.items()}
    for sight in (np.eye(3), np.array(PROTANOPIA), np.array(DEUTERANOPIA)):
        seen = {name: _lightness_and_hue(np.clip(sight @ colour, 0, 1)) for name, colour in linear.items()}
        for one, other in combinations(seen, 2):
            # 2.3 is a just noticeable difference (Mahy et al. 1994) of large patches; lines and boxes are small.
            assert np.linalg.norm(seen[one] - seen[other]) > 13, (one, other)
