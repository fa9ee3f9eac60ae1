"""`python -m bench.analyze VIDEO`: the analysis of recordings against its bars, on this machine, now.

Wall time on a machine with other work says little: CPU seconds and ratios within this run stand beside it.
The peer is what people write: OpenCV's YuNet and a mini-XCEPTION in a plain loop, no sound, no tracking, no report.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import av
import cv2
import numpy as np
import psutil

from convert.keras_start import output_to, start_keras
from edge.capture.media_file import contents
from edge.config import FaceConfig
from edge.perceive.engine import Engine
from edge.perceive.package import find_package, load_package


def prolonged(source: Path, target: Path, seconds: float) -> float:
    """`source` again and again until it lasts `seconds`, as H.264 with AAC; its length."""
    with av.open(str(source)) as opened:
        pictures = [frame.to_ndarray(format="yuv420p") for frame in opened.decode(video=0)]
        rate = opened.streams.video[0].average_rate
    with av.open(str(source)) as opened:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=16_000)
        parts = [part.to_ndarray() for frame in opened.decode(audio=0) for part in resampler.resample(frame)]
    sound = np.concatenate(parts, axis=1).astype(np.float32)
    count = round(seconds * float(rate))
    with av.open(str(target), "w") as output:
        video = output.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "crf": "23"})
        video.height, video.width, video.pix_fmt = pictures[0].shape[0] * 2 // 3, pictures[0].shape[1], "yuv420p"
        audio = output.add_stream("aac", rate=16_000)
        audio.layout = "mono"
        at = 0
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(pictures[number % len(pictures)], format="yuv420p")
            output.mux(video.encode(frame))
            while at / 16_000 < (number + 1) / rate:
                block = np.take(sound, np.arange(at, at + 1024), axis=1, mode="wrap")
                heard = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", "mono")
                heard.sample_rate, heard.pts = 16_000, at
                output.mux(audio.encode(heard))
                at += 1024
        output.mux(video.encode(None))
        output.mux(audio.encode(None))
    return count / float(rate)


def batch(config: Path, files: list[Path], out: Path, jobs: int, *options: str) -> tuple[float, float, float]:
    """Wall and CPU seconds of a batch, and the memory in MB of all its processes, shared pages counted once."""
    shutil.rmtree(out, ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    command = [sys.executable, "-m", "edge", "analyze", *map(str, files), "--out", str(out), "--jobs", str(jobs)]
    command += ["--config", str(config), *options]
    running = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = 0.0
    while running.poll() is None:
        held = 0.0
        for process in [running, *running.children(recursive=True)]:
            with suppress(psutil.Error):  # it has ended
                held += process.memory_full_info().pss / 1e6
        most = max(most, held)
        with suppress(psutil.TimeoutExpired):
            running.wait(1)  # looking at memory stops the processes for a moment: not more often
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if running.returncode:
        raise SystemExit(f"analyze ended with exit code {running.returncode}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, most


def peer(video: Path, yunet: Path) -> tuple[float, float]:
    """Wall and CPU seconds of the plain loop; a mini-XCEPTION (Arriaga et al. 2017) in TFLite."""
    start_keras(Path(os.devnull), tensorflow=True)
    import tensorflow as tf
    from keras import layers, models

    inputs = layers.Input((64, 64, 1))
    x = inputs
    for filters in (8, 8):
        x = layers.Activation("relu")(layers.BatchNormalization()(layers.Conv2D(filters, 3, use_bias=False)(x)))
    for filters in (16, 32, 64, 128):
        side = layers.BatchNormalization()(layers.Conv2D(filters, 1, strides=2, padding="same", use_bias=False)(x))
        x = layers.BatchNormalization()(layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x))
        x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(layers.Activation("relu")(x))
        x = layers.MaxPooling2D(3, strides=2, padding="same")(layers.BatchNormalization()(x))
        x = layers.add([x, side])
    x = layers.Softmax()(layers.GlobalAveragePooling2D()(layers.Conv2D(7, 3, padding="same")(x)))
    with output_to(Path(os.devnull)):
        content = tf.lite.TFLiteConverter.from_keras_model(models.Model(inputs, x)).convert()
    interpreter = tf.lite.Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    entry, exit_ = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    cv2.setNumThreads(1)
    wall, cpu = time.perf_counter(), time.process_time()
    capture = cv2.VideoCapture(str(video))
    detector = cv2.FaceDetectorYN.create(str(yunet), "", (320, 320), 0.6)
    while (read := capture.read())[0]:
        picture = cv2.resize(read[1], (320, 320))
        _, faces = detector.detect(picture)
        for face in faces if faces is not None else []:
            x, y, w, h = (max(0, int(side)) for side in face[:4])
            crop = cv2.cvtColor(picture[y : y + h, x : x + w], cv2.COLOR_BGR2GRAY)
            interpreter.set_tensor(entry, cv2.resize(crop, (64, 64)).astype(np.float32)[None, :, :, None] / 127.5 - 1)
            interpreter.invoke()
            interpreter.get_tensor(exit_)
    return time.perf_counter() - wall, time.process_time() - cpu


def bare_call(calls: int = 100) -> float:
    """Milliseconds of one call of the detector's model: how fast the machine is at this moment."""
    package = load_package(find_package(FaceConfig().detector), "detector")
    engine = Engine(package.folder / "model.tflite")
    tensor = np.zeros(engine.input_shape[1:], engine.input_dtype)
    begun = time.perf_counter()
    for _ in range(calls):
        engine.run_quantized(tensor)
    return (time.perf_counter() - begun) / calls * 1000


def show(what: str, by_wall: float, by_cpu: float) -> None:
    now = f"a bare call of the detector takes {bare_call():.1f} ms now"
    print(f"{what:<40} {by_wall:6.1f} times real time by the wall, {by_cpu:6.1f} by CPU seconds; {now}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path, help="a short video with one face and sound; it is repeated")
    parser.add_argument("--seconds", type=float, default=60, help="length of the video that is measured")
    parser.add_argument("--long", type=float, default=0, metavar="SECONDS", help="also the memory of one so long")
    parser.add_argument("--yunet", type=Path, help="the peer's face detector, ONNX")
    parser.add_argument("--detector", default=FaceConfig().detector, help="[face] detector (default: %(default)s)")
    parser.add_argument("--detect-every", type=int, default=FaceConfig().detect_every, help="[face] detect_every")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, second = folder / "first.mp4", folder / "second.mp4"
        config = folder / "config.toml"
        config.write_text(f'[face]\ndetector = "{options.detector}"\ndetect_every = {options.detect_every}\n')
        analyzed = partial(batch, config)
        length = prolonged(options.video, first, options.seconds)
        shutil.copy(first, second)
        load = os.getloadavg()[0]
        print(f"{length:.0f} s of {options.video.name}; load before: {load:.1f} on {os.cpu_count()} cores", flush=True)
        # What a start costs is measured with the video itself, and both are left out.
        base = analyzed([options.video], folder / "start", 1)
        more = length - contents(options.video).length_s
        print(f"detector {options.detector}, in every {options.detect_every}. frame; a start takes {base[0]:.1f} s")
        one = analyzed([first], folder / "one", 1)
        show("one file, one core", more / (one[0] - base[0]), more / (one[1] - base[1]))
        cores = analyzed([first], folder / "cores", 2)
        show("one file, two cores", more / (cores[0] - base[0]), more / (cores[1] - base[1]))
        plain = analyzed([first], folder / "plain", 1, "--no-video")
        show("one file, one core, --no-video", more / (plain[0] - base[0]), more / (plain[1] - base[1]))
        if options.yunet:
            wall, loop = peer(first, options.yunet)
            show("YuNet + mini-XCEPTION in a plain loop", length / wall, length / loop)
        serial = analyzed([first, second], folder / "serial", 1)
        parallel = analyzed([first, second], folder / "parallel", 2)  # two processes, each of one thread
        gain = (serial[0] - base[0]) / (parallel[0] - base[0])
        print(f"{'two files, two processes':<40} {gain:6.2f} times one process", flush=True)
        if options.long:
            length = prolonged(options.video, first, options.long)
            wall, _, most = analyzed([first], folder / "long", 2)
            kept = json.loads((folder / "long" / "first.mp4" / "summary.json").read_text())
            print(
                f"{length / 3600:.2f} h in {wall:.0f} s: all processes together {most:.0f} MB, {kept['frames']} frames"
            )


if __name__ == "__main__":
    main()
