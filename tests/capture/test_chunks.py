import numpy as np

from edge.capture.chunks import ChunkCutter
from edge.capture.source import CHUNK_SAMPLES


def test_every_sample_comes_out_once_in_order():
    sound = np.arange(5_000, dtype=np.float32)
    cutter = ChunkCutter()
    chunks = []
    for begin, end in ((0, 10), (10, 600), (600, 600), (600, 3_000), (3_000, 5_000)):
        chunks += cutter.cut(sound[begin:end])
    chunks += cutter.last()
    assert {len(chunk) for chunk in chunks} == {CHUNK_SAMPLES}
    heard = np.concatenate(chunks)
    assert np.array_equal(heard[:5_000], sound)
    assert not heard[5_000:].any()
    assert not list(cutter.last())
