"""The papers' face networks: their size, and what ImageNet's weights see."""

from __future__ import annotations

import numpy as np
import pytest

from convert.keras_start import start_keras


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory):
    return start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True)


@pytest.mark.parametrize(
    ("name", "million_parameters"),
    # He et al. 2016; Huang et al. 2017; Tan and Le 2021; Dosovitskiy et al. 2021, each without its ImageNet top; VGG's
    # and Inception's as Keras Applications lists them.
    [
        ("vgg16", 14.7),
        ("resnet18", 11.2),
        ("resnet34", 21.3),
        ("densenet121", 7.0),
        ("inceptionv3", 21.8),
        ("efficientnetv2b0", 5.9),
        ("vit-b32", 87.4),
    ],
)
def test_the_papers_networks_have_their_papers_size(keras, name, million_parameters):
    if name.startswith(("resnet", "vit")):
        pytest.importorskip("keras_hub", reason="needs emotion-edge[papers]")
    from convert.architectures.registry import build_face_network

    keras.backend.clear_session()
    model = build_face_network(name, (48, 48, 1), 7)
    assert model.output_shape == (None, 7)
    assert model.count_params() / 1e6 == pytest.approx(million_parameters, abs=0.06)


def test_imagenet_weights_see_the_pixels_that_they_were_trained_on(keras):
    from keras import layers

    from convert.architectures import papers

    pixels = np.random.default_rng(5).integers(0, 256, (1, 4, 4, 3)).astype(np.float32)
    for preprocessing, module in (("caffe", "vgg16"), ("torch", "densenet"), ("signed", "inception_v3")):
        inputs = layers.Input((4, 4, 3))
        model = keras.Model(inputs, layers.Identity()(papers._as_trained(inputs, preprocessing)))
        expected = getattr(keras.applications, module).preprocess_input(pixels.copy())
        np.testing.assert_allclose(model.predict(pixels / 127.5 - 1, verbose=0), expected, atol=1e-3)
