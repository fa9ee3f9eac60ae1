"""Speech recognition on the device, by kept libraries: a whole utterance in, its words out."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError
from edge.installation import install_extra

_LOG = logging.getLogger(__name__)

RATE_HZ = 16_000


class Transcript(NamedTuple):
    """What was said, and how sure that is, in [0, 1]. It is looked at and forgotten, never kept."""

    text: str
    confidence: float


class Recognizer(Protocol):
    """Owned by one thread; may take as long as the utterance, or longer."""

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        """The words in float32 [N] in [-1, 1] at 16 kHz; an empty text where there are none."""
        ...


class PocketSphinx:
    """English, with the model that its wheel carries (https://github.com/cmusphinx/pocketsphinx, BSD)."""

    def __init__(self) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise ConfigError(
                '[text] source = "pocketsphinx" needs pocketsphinx, which is not installed. '
                f"Install it with: {install_extra('words')}"
            ) from error
        # Its log would name the words.
        self._decoder: Any = Decoder(samprate=RATE_HZ, loglevel="FATAL")

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        self._decoder.start_utt()
        self._decoder.process_raw(_pcm16(samples), no_search=False, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        if found is None or not found.hypstr:
            return Transcript("", 0.0)
        # The posterior of the whole utterance: for each word, so that a long one is not less sure than a short one.
        words = len(found.hypstr.split())
        return Transcript(found.hypstr, float(min(1.0, max(0.0, found.prob) ** (1 / words))))


class SherpaOnnx:
    """A transducer or a Whisper in `folder`, of any language (https://github.com/k2-fsa/sherpa-onnx, Apache-2.0).

    Raises:
        ConfigError: sherpa-onnx is not installed, or the folder does not hold the files of a model.

    A file that is a model of something else makes sherpa-onnx itself end the process, with one line that says why.
    """

    #: Such models do not tell how sure they are.
    _CONFIDENCE = 0.8

    def __init__(self, folder: Path, threads: int = 1) -> None:
        try:
            from sherpa_onnx import OfflineRecognizer
        except ImportError as error:
            raise ConfigError(
                '[text] source = "sherpa-onnx:..." needs sherpa-onnx, which is not installed. '
                f"Install it with: {install_extra('words-sherpa')}"
            ) from error
        encoder, decoder, tokens = (_only(folder, name) for name in ("*encoder*.onnx", "*decoder*.onnx", "*tokens.txt"))
        joiner = next(iter(_found(folder, "*joiner*.onnx")), None)
        files = {"encoder": str(encoder), "decoder": str(decoder), "tokens": str(tokens), "num_threads": threads}
        _LOG.info("words: sherpa-onnx reads %s", ", ".join(path.name for path in (encoder, decoder, joiner) if path))
        try:
            self._recognizer: Any = (
                OfflineRecognizer.from_transducer(**files, joiner=str(joiner))
                if joiner
                else OfflineRecognizer.from_whisper(**files)
            )
        except RuntimeError as error:
            raise ConfigError(f"[text] source: {folder}: sherpa-onnx cannot read it: {error}") from error

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        stream = self._recognizer.create_stream()
        stream.accept_waveform(RATE_HZ, samples)
        self._recognizer.decode_stream(stream)
        text = str(stream.result.text).strip()
        return Transcript(text, self._CONFIDENCE if text else 0.0)


def open_recognizer(source: str, threads: int = 1) -> Recognizer | None:
    """The recognizer that ``[text] source`` names; None for ``hub``, where others recognise.

    Raises:
        ConfigError: it is not installed, or its model is not there.
    """
    kind, _, where = source.partition(":")
    if kind == "hub":
        return None
    return SherpaOnnx(Path(where), threads) if kind == "sherpa-onnx" else PocketSphinx()


def _only(folder: Path, pattern: str) -> Path:
    found = _found(folder, pattern)
    if not found:
        raise ConfigError(
            f"[text] source: {folder}: expected a model of sherpa-onnx (encoder and decoder, a transducer's joiner, "
            f"tokens.txt), found no {pattern}. Models: https://k2-fsa.github.io/sherpa/onnx/pretrained_models/"
        )
    return found[0]


def _found(folder: Path, pattern: str) -> list[Path]:
    # int8 files stand beside float ones in the models that sherpa-onnx offers, and are the ones for a small device.
    return sorted(folder.glob(pattern), key=lambda path: ("int8" not in path.name, path.name))


def _pcm16(samples: NDArray[np.float32]) -> bytes:
    return (np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes()
