"""A canary for pictures and sound: what only they carry, and the search for it in whatever somebody wrote.

The picture wears vertical stripes in an order that occurs nowhere else, so that each of its rows tells where it comes
from; the sound carries a noise. Found are parts of their bytes (as read, as cut out, as given to the model), their
likeness after scaling, resampling and a change of number format, and both inside of PNG, JPEG, FLAC, Ogg, zlib, gzip,
base64, hexadecimal digits and lists of numbers, one in another. Not found: what no longer resembles them, as cepstra.
"""

from __future__ import annotations

import base64
import contextlib
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import fft
from scipy.signal import resample

from edge.capture import CHUNK_SAMPLES
from edge.config import Config
from edge.demo.clip import _view, synthetic_voice
from edge.perceive.inputs import FaceInput
from edge.perceive.pictures import align_face, crop_face, face_tensor
from edge.publish.store import WORDS
from edge.service.models import load_models
from edge.service.pipeline import build_pipeline

WIDTH, HEIGHT, RATE_HZ = 640, 480, 16_000
_STRIPE_PX, _STRIPE_LEVEL = 5, 20
_STRIPES = np.repeat(np.random.default_rng(8).choice([-1.0, 1.0], WIDTH // _STRIPE_PX), _STRIPE_PX)
_NOISE = np.random.default_rng(9).standard_normal(1024)
#: How alike is the same. Of millions of independent values the most alike reach 0.5 (128 stripes) and 0.35 (32 ms of
#: noise at 8 kHz); what was planted reaches 0.9, as noise beside a voice 0.6.
_SAME_STRIPES, _SAME_NOISE, _SAME_PICTURE = 0.6, 0.4, 0.9
#: As wide as a frame is, halved, and halved again; one grey value or three colours.
_ROWS = [(width, channels) for width in (WIDTH, WIDTH // 2, WIDTH // 4) for channels in (1, 3)]
_RATES_HZ = (8_000, 16_000, 48_000)
_THUMBNAIL = (48, 48)
_NEEDLE_BYTES, _BLOCK_BYTES, _MOST_BYTES = 48, 512, 1 << 22

_IMAGE = re.compile(rb"\x89PNG\r\n|\xff\xd8\xff|RIFF....WEBP", re.S)
_SOUND = re.compile(rb"fLaC|OggS\0\x02")
_GZIP = b"\x1f\x8b\x08"
_PACKED = re.compile(_GZIP + rb"|\x78[\x01\x5e\x9c\xda\x20\x7d\xbb\xf9]")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{128,}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){64,}")
_NUMBER = re.compile(rb"-?\d+(?:\.\d*)?(?:e[-+]?\d+)?", re.I)
_LIST = re.compile(rb"(?:" + _NUMBER.pattern + rb"[\s,;\[\]()]+){16,}", re.I)

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Canary:
    """What is planted: `picture` uint8 [H, W, 3] RGB, `crop` uint8 [S, S, 3], which is judged, `sound` float32 [N]."""

    picture: NDArray[np.uint8]
    crop: NDArray[np.uint8]
    sound: Values
    needles: dict[str, list[bytes]]

    def write(self, folder: Path) -> tuple[Path, Path]:
        """A folder of pictures and a sound file, both without loss."""
        (folder / "pictures").mkdir(parents=True)
        for number in range(4):
            cv2.imwrite(str(folder / "pictures" / f"{number}.png"), self.picture[:, :, ::-1])
        soundfile.write(folder / "voice.wav", self.sound, RATE_HZ, subtype="FLOAT")
        return folder / "pictures", folder / "voice.wav"

    def found(self, data: bytes) -> set[str]:
        """``picture`` and ``sound``, as far as they are in `data`."""
        names: set[str] = set()
        for form in _forms(data, 3):
            names |= {name for name, needles in self.needles.items() if any(needle in form for needle in needles)}
            if any(self._shows(picture) for picture in _pictures_in(form)):
                names.add("picture")
            for values in _values_in(form):
                if _has_stripes(values):
                    names.add("picture")
                if _has_noise(values):
                    names.add("sound")
        return names

    def _shows(self, picture: NDArray[np.uint8]) -> bool:
        small = [_thumbnail(each) for each in (picture, self.picture, self.crop)]
        return max(float((small[0] * other).mean()) for other in small[1:]) > _SAME_PICTURE


def canary() -> Canary:
    """The portrait of the demo with stripes, and its voice with noise."""
    from skimage.data import astronaut

    view = _view(np.asarray(astronaut(), np.uint8), 0.5, (WIDTH, HEIGHT))
    picture = np.clip(view + _STRIPE_LEVEL * _STRIPES[:, None], 0, 255).astype(np.uint8)
    voice = synthetic_voice(4)[: 62 * len(_NOISE)]
    noise = np.resize(_NOISE, len(voice))
    sound = np.clip(voice + 0.7 * voice.std() * noise, -1, 1).astype(np.float32)
    crop, tensor = _judged(picture)
    seen = [tensor[len(tensor) // 2].tobytes()]
    for row in (*picture[::16], crop[len(crop) // 2]):
        grey = cv2.cvtColor(row[None], cv2.COLOR_RGB2GRAY)
        # Colours, colours the other way round, one colour, grey, and grey as the whole numbers of an int8 model.
        seen += [part.tobytes() for part in (row, row[:, ::-1], row[:, 1], grey, grey ^ 0x80)]
    chunks = sound.reshape(-1, CHUNK_SAMPLES)
    heard = [part.tobytes() for chunk in chunks for part in (chunk, (chunk * 32768).astype("<i2"))]
    return Canary(picture, crop, sound, {"picture": _needles(seen), "sound": _needles(heard)})


def _judged(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Values]:
    """The face in `picture` as the service cuts it out, and as it is given to the model."""
    loaded = load_models(Config())
    pipeline = build_pipeline(Config(), loaded=loaded)
    assert loaded.face
    assert pipeline.detector
    spec = cast(FaceInput, loaded.face[0].package.input)
    face = pipeline.detector.detect(picture)[0]
    if spec.align and face.landmarks is not None:
        crop = align_face(picture, face.box, face.landmarks, spec)
    else:
        crop = crop_face(picture, face.box, spec.crop_margin)
    return np.ascontiguousarray(crop), face_tensor(crop, spec)


def _needles(rows: list[bytes]) -> list[bytes]:
    """The middle of each, unless it is nothing special: black, or silence."""
    middles = [row[(len(row) - _NEEDLE_BYTES) // 2 :][:_NEEDLE_BYTES] for row in rows]
    return [middle for middle in middles if len(set(middle)) > _NEEDLE_BYTES // 4]


def _forms(data: bytes, depth: int) -> Iterator[bytes]:
    """`data`, and what is packed in it or written as digits."""
    yield data
    numbers = _numbers_in(data)
    if len(numbers):
        yield numbers.tobytes()
        yield numbers.clip(0, 255).astype(np.uint8).tobytes()
    for inner in _packed_in(data) if depth else ():
        yield from _forms(inner, depth - 1)


def _packed_in(data: bytes) -> Iterator[bytes]:
    view = memoryview(data)
    for match in _PACKED.finditer(data):
        gzip = match.group() == _GZIP
        opened = zlib.decompressobj(wbits=31) if gzip else zlib.decompressobj(zdict=WORDS)  # as the outbox packs
        with contextlib.suppress(zlib.error):
            yield opened.decompress(view[match.start() :], _MOST_BYTES)
    for match in _SOUND.finditer(data):
        with contextlib.suppress(soundfile.SoundFileError):
            yield soundfile.read(io.BytesIO(view[match.start() :]), dtype="float32")[0].tobytes()
    for match in _BASE64.finditer(data):
        text = match.group().translate(bytes.maketrans(b"-_", b"+/"))
        yield base64.b64decode(text[: len(text) // 4 * 4])
    for match in _HEX.finditer(data):
        yield bytes.fromhex(match.group().decode())


def _pictures_in(data: bytes) -> Iterator[NDArray[np.uint8]]:
    for match in _IMAGE.finditer(data):
        with contextlib.suppress(cv2.error):
            picture = cv2.imdecode(np.frombuffer(memoryview(data)[match.start() :], np.uint8), cv2.IMREAD_COLOR)
            if picture is not None:
                yield np.asarray(picture[:, :, ::-1], np.uint8)


def _numbers_in(data: bytes) -> Values:
    """Lists of numbers one after the other: what stands between them, as the time in a log, belongs to none."""
    numbers = [float(match) for row in _LIST.findall(data) for match in _NUMBER.findall(row)]
    with np.errstate(over="ignore"):
        return _sensible(np.array(numbers, np.float64).astype(np.float32))


def _sensible(values: Values) -> Values:
    """Zeros for what is no number, or none of a picture or a sound."""
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(values) < 1e5, values, np.float32(0))


def _values_in(data: bytes) -> Iterator[Values]:
    """The numbers that are written as digits, and those that parts which are no text may stand for."""
    yield _numbers_in(data)
    blocks = np.frombuffer(data + bytes(-len(data) % _BLOCK_BYTES), np.uint8).reshape(-1, _BLOCK_BYTES)
    data = blocks[((blocks < 9) | (blocks > 126)).mean(axis=1) > 0.1].tobytes()
    if data:
        # An int8 model's numbers lie 128 lower than the picture's: but for the wrap they are the same.
        yield np.unwrap(np.frombuffer(data, np.uint8).astype(np.float32), period=256)
        yield np.frombuffer(data, np.int16).astype(np.float32)
        yield _sensible(np.frombuffer(data, np.float32))


def _has_stripes(values: Values) -> bool:
    for width, channels in _ROWS:
        size = (width, 1)
        row = cv2.resize(_STRIPES[None], size, interpolation=cv2.INTER_AREA)[0]
        edges = np.repeat(row - np.roll(row, 1), channels)
        if _likeness(values[channels:] - values[:-channels], edges, len(edges)) > _SAME_STRIPES:
            return True
    return False


def _has_noise(values: Values) -> bool:
    noises = [resample(_NOISE, len(_NOISE) * rate_hz // RATE_HZ) for rate_hz in _RATES_HZ]
    return any(_likeness(values, noise, len(noise) // 2) > _SAME_NOISE for noise in noises)


def _likeness(values: Values, pattern: NDArray[np.floating], size: int) -> float:
    """The largest correlation of any `size` values in a row with `pattern`, which repeats, at any shift; 0 to 1."""
    if len(values) < size:
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view(values, size)[:: size // 2]
    period, most = len(pattern), 0.0
    spectrum = np.conj(fft.rfft(pattern.astype(np.float32)))
    for begin in range(0, len(windows), 256):
        part = windows[begin : begin + 256]
        part = part - part.mean(axis=1, keepdims=True)
        full = np.linalg.norm(part, axis=1) * pattern.std() * np.sqrt(size)
        shifted = np.abs(fft.irfft(fft.rfft(part, period) * spectrum, period)).max(axis=1)
        most = max(most, float((shifted / np.maximum(full, 1e-9)).max()))
    return most


def _thumbnail(picture: NDArray[np.uint8]) -> NDArray[np.floating]:
    """[48, 48, 3] with mean 0 and variance 1."""
    small = cv2.resize(picture, _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float64)
    return (small - small.mean()) / (small.std() + 1e-9)
