"""The face networks by the name that `train face --architecture` takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from convert.architectures import papers
from convert.architectures.face import mobile
from convert.architectures.heads import HEADS, Head
from convert.architectures.residual import SMALL_WIDTHS, residual
from edge.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Architecture:
    """`build` takes shape, classes, dropout by place; `head` and `weights` by name where the network has them."""

    about: str
    build: Callable[..., Any]
    head: Head | None = None
    pretrained: bool = False


_APPLICATION = {
    "vgg16": ("VGG16", "VGG-16 (Simonyan and Zisserman 2015)"),
    "densenet121": ("DenseNet121", "DenseNet-121 (Huang et al. 2017)"),
    "inceptionv3": ("InceptionV3", "Inception v3 (Szegedy et al. 2016)"),
    "efficientnetv2b0": ("EfficientNetV2B0", "EfficientNetV2-B0 (Tan and Le 2021)"),
}
ARCHITECTURES: dict[str, Architecture] = {
    "edge": Architecture("dense 3x3 residual network for the device", residual, "weighted"),
    "edge-small": Architecture("the same, narrower", partial(residual, widths=SMALL_WIDTHS), "weighted"),
    "mobile": Architecture("inverted residuals (Sandler et al. 2018) for the device", mobile, "pool"),
    "mobile-attention": Architecture("custom MobileNet, patch extraction and attention", mobile, "attention"),
    "cnn": Architecture("the usual CNN of FER2013 papers", papers.cnn),
    "resnet18": Architecture("ResNet-18 (He et al. 2016)", partial(papers.resnet, 18)),
    "resnet34": Architecture("ResNet-34 (He et al. 2016)", partial(papers.resnet, 34)),
    **{
        name: Architecture(about, partial(papers.application, keras_name), pretrained=True)
        for name, (keras_name, about) in _APPLICATION.items()
    },
    "vit-b16": Architecture("ViT-B/16 (Dosovitskiy et al. 2021)", partial(papers.vit, 16)),
    "vit-b32": Architecture("ViT-B/32 (Dosovitskiy et al. 2021)", partial(papers.vit, 32)),
}


def build_face_network(
    name: str,
    shape: tuple[int, ...],
    classes: int,
    dropout: float = 0.3,
    head: str | None = None,
    weights: str | None = None,
) -> Any:
    """The network `name`: an uncompiled `keras.Model`, float32 [B, *shape] in [-1, 1] -> logits float32 [B, classes].

    Args:
        head: other than the network's own, one of `HEADS`.
        weights: ``imagenet`` or a file, for the networks of Keras Applications.

    Raises:
        ConfigError: there is no such network, or it has no such option.
    """
    found = ARCHITECTURES.get(name)
    if found is None:
        raise ConfigError(f"architecture: expected one of {', '.join(ARCHITECTURES)}, got {name!r}.")
    options: dict[str, Any] = {}
    if found.head:
        options["head"] = head or found.head
    elif head:
        able = ", ".join(key for key, value in ARCHITECTURES.items() if value.head)
        raise ConfigError(f"head: {name} has only its own; those with a choice are {able}.")
    if options.get("head", HEADS[0]) not in HEADS:
        raise ConfigError(f"head: expected one of {', '.join(HEADS)}, got {head!r}.")
    if found.pretrained:
        options["weights"] = weights
    elif weights:
        able = ", ".join(key for key, value in ARCHITECTURES.items() if value.pretrained)
        raise ConfigError(f"ImageNet weights: there are none for {name}; those with some are {able}.")
    return found.build(shape, classes, dropout, **options)
