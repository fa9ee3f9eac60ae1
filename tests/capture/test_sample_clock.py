import pytest

from edge.capture.sample_clock import JUMP_NS, SampleClock

BLOCK = 512
BLOCK_NS = 32_000_000


def run(clock, blocks, *, begin_ns=0, late_ns=lambda number: 0, scale=1.0):
    """Feed `blocks` blocks that arrive when their last sample was heard, plus `late_ns`; the jumps' block numbers."""
    return [
        number
        for number in range(blocks)
        if clock.arrived(BLOCK, begin_ns + int((number + 1) * BLOCK_NS * scale) + late_ns(number))
    ]


def test_the_first_sample_was_heard_a_block_before_the_first_read_returned():
    clock = SampleClock(16_000)
    clock.arrived(BLOCK, 1_000_000_000)
    assert clock.time_ns(0) == 1_000_000_000 - BLOCK_NS
    assert clock.time_ns(1.5) == 2_500_000_000 - BLOCK_NS


def test_a_scheduler_that_is_late_now_and_then_moves_nothing():
    clock = SampleClock(16_000)
    assert run(clock, 1_000, late_ns=lambda number: 25_000_000 if number % 3 else 0) == []
    assert clock.time_ns(0) == 0


@pytest.mark.parametrize("scale", [0.995, 1.005])
def test_a_card_that_runs_fast_or_slow_is_followed_without_a_jump(scale):
    clock = SampleClock(16_000)
    assert run(clock, 3_000, scale=scale) == []
    assert clock.time_ns(3_000 * BLOCK / 16_000) == pytest.approx(3_000 * BLOCK_NS * scale, abs=15_000_000)


def test_silently_lost_sound_is_one_jump_within_a_second_or_two():
    clock = SampleClock(16_000)
    lost_ns = 200_000_000
    jumps = run(clock, 200, late_ns=lambda number: lost_ns if number >= 40 else 0)
    assert len(jumps) == 1
    assert 40 <= jumps[0] < 40 + 64
    assert lost_ns > JUMP_NS
    assert clock.time_ns(0) == lost_ns


def test_a_clock_that_begins_after_a_loss_does_not_go_back():
    clock = SampleClock(16_000, not_before_ns=990_000_000)
    clock.arrived(BLOCK, 1_000_000_000)
    assert clock.time_ns(0) == 990_000_000
