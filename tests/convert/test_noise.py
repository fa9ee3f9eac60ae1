from __future__ import annotations

from pathlib import Path

from convert.datasets.noise import noise_files, noise_groups


def test_pieces_of_a_recording_stay_together():
    names = ("esc10_rain_1-17367-A.ogg", "1-17367-B-10.wav", "2-101676-A-10.wav", "hum.wav")
    groups = noise_groups([Path(name) for name in names])
    assert groups[0] == groups[1]
    assert groups == [0, 0, 1, 2]
    assert noise_groups([Path(f"{index}.wav") for index in range(13)]) == [*range(6), *range(6), 0]


def test_no_folder_is_no_noise(tmp_path: Path):
    assert noise_files(tmp_path) == []


def test_the_real_pack(packs):
    files = noise_files(packs("noise").parent)
    groups = noise_groups(files)
    assert len(files) == 206
    assert set(groups) == set(range(6))
    assert min(groups.count(group) for group in range(6)) > 20
