"""Pictures as JPEG."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.jpeg import jpeg


@pytest.mark.parametrize(("most", "shape"), [(250, (100, 250, 3)), (None, (400, 1000, 3)), (2000, (400, 1000, 3))])
def test_a_picture_is_shrunk_to_what_is_asked_and_never_enlarged(most, shape):
    red = np.zeros((400, 1000, 3), np.uint8)
    red[..., 0] = 255
    again = cv2.imdecode(np.frombuffer(jpeg(red, most), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert again.shape == shape
    assert again[..., 0].mean() > 250
    assert again[..., 2].mean() < 5
