"""`emotion-edge`, but for SIGUSR1: from then on, looking at a frame never returns, as if the model hung."""

import signal
import sys
import threading

from edge.cli import main
from edge.perceive.face import FacePerception

hang = threading.Event()
observe = FacePerception.observe


def observe_or_hang(self, frame):
    if hang.is_set():
        threading.Event().wait()
    return observe(self, frame)


FacePerception.observe = observe_or_hang
signal.signal(signal.SIGUSR1, lambda *_: hang.set())
sys.exit(main())
