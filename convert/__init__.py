"""The workstation's side: train, quantize and measure the models that the device runs."""

import os

# Before NumPy is imported. Features are many small matrix products: OpenBLAS' threads wait for each other longer than
# they compute (3.5 ms of CPU for the MFCC of 3 s of sound, 1.0 ms with one thread).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
