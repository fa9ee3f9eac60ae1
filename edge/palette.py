"""The colour of each emotion, the same in every picture: Okabe and Ito's set, told apart by colour-blind people too."""

from __future__ import annotations

#: sRGB, 0 to 255 (Okabe and Ito 2008, "Color Universal Design"); neutral is grey, dark enough that who sees no
#: green tells it from fear.
COLOURS: dict[str, tuple[int, int, int]] = {
    "angry": (213, 94, 0),
    "disgust": (0, 158, 115),
    "fear": (204, 121, 167),
    "happy": (240, 228, 66),
    "sad": (0, 114, 178),
    "surprise": (86, 180, 233),
    "neutral": (110, 110, 110),
    "uncertain": (205, 205, 205),
}


def hexadecimal(emotion: str) -> str:
    """The colour as CSS and SVG write it."""
    return "#{:02x}{:02x}{:02x}".format(*COLOURS[emotion])
