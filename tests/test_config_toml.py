"""The settings file: defaults, and every mistake named with its line."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config import Config
from edge.config_toml import load_config, parse_config, with_values
from edge.errors import ConfigError


def test_an_empty_file_is_the_default():
    assert parse_config("") == Config()


def test_all_mistakes_are_reported_at_once_with_their_lines():
    text = """
[camera]
fps = "fast"
widht_px = 640
rotation_deg = 45

[fusoin]
dwell_ms = 1

[fusion]
dwell_ms = -1
uncertain_below = nan
[mqtt]
url = "http://localhost"
"""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "my.toml")
    lines = str(caught.value).splitlines()
    assert [line.split(" ", 1)[0] for line in lines] == [
        "my.toml:3:",
        "my.toml:4:",
        "my.toml:5:",
        "my.toml:7:",
        "my.toml:11:",
        "my.toml:12:",
        "my.toml:14:",
    ]
    assert "[camera] fps: expected a number, got 'fast'" in lines[0]
    assert "did you mean 'width_px'?" in lines[1]
    assert "one of 0, 90, 180, 270" in lines[2]
    assert "did you mean 'fusion'?" in lines[3]
    assert "from 0 to 60000, got -1" in lines[4]
    assert "got nan" in lines[5]


def test_a_whole_number_is_a_number_but_true_is_not():
    assert parse_config("[camera]\nfps = 10").camera.fps == 10
    with pytest.raises(ConfigError, match="expected a number, got True"):
        parse_config("[camera]\nfps = true")


def test_a_service_without_any_sense_is_refused():
    with pytest.raises(ConfigError, match="both disabled"):
        parse_config("[camera]\nenabled = false\n[microphone]\nenabled = false")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[mqtt]\nurl = "mqtt://localhost:99999"', "my.toml:2: .*Port out of range"),
        ('[mqtt]\nurl = "mqtt://[::1"', "my.toml:2: .*Invalid IPv6"),
        ('[mqtt]\nurl = "mqtt://localhost:0"', "from 1 to 65535, got 0"),
        ('[mqtt]\nca_file = "ca.pem"', "my.toml:2: .*not encrypted: write mqtts://"),
        ('[replay]\npace = "fast"', "my.toml:2: .*got v4l2:0 and default"),
        ('[homeassistant]\nenabled = true\n[mqtt]\nenvelope = "cloudevents"', "my.toml:4: .*reads plain events only"),
    ],
)
def test_contradictions_between_keys_are_named(text: str, message: str):
    with pytest.raises(ConfigError, match=message):
        parse_config(text, "my.toml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[camera", "not valid TOML"),
        (b"\xff\xfe", "expected UTF-8"),
        (b"camera = 3", "expected a section \\[camera\\]"),
    ],
)
def test_what_is_no_configuration_is_named(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


@pytest.mark.parametrize(
    ("topic", "good"),
    [
        *((topic, True) for topic in ("hermes/asr/textCaptured", "a/+/b", "#", "a/#", "+", "/a")),
        *((topic, False) for topic in ("", "a+b", "a/#/b", "#a", "a b", "a/" * 101, "/" * 60 + "+b")),
    ],
)
def test_the_topic_of_words_is_one_that_can_be_subscribed_to(topic: str, good: bool):
    text = f'[text]\ntopic = "{topic}"'
    if good:
        assert parse_config(text).text.topic == topic
    else:
        with pytest.raises(ConfigError, match=r"\[text\] topic: expected a text of the form"):
            parse_config(text)


def test_words_of_the_hub_have_no_place_in_a_recording_at_full_speed():
    files = '[camera]\nsource = "file:a.mp4"\n[microphone]\nenabled = false\n[replay]\npace = "fast"\n'
    with pytest.raises(ConfigError, match=r":9: \[text\] source = .* has no place in a recording at full speed"):
        parse_config(files + '[text]\nenabled = true\nsource = "hub"')


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file.*systemd/config\.toml"):
        load_config(tmp_path / "none.toml")


tomlish = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="[]{}=\"'#.,\n _-+0123456789eTZnaitrufls", max_size=200),
    st.tuples(
        st.sampled_from([section.name for section in fields(Config)] + ["x"]),
        st.sampled_from(sorted({key.name for s in fields(Config) for key in fields(getattr(Config(), s.name))})),
        st.one_of(
            st.integers().map(str),
            st.floats().map(str),
            st.booleans().map(lambda b: str(b).lower()),
            st.text(max_size=20).map(json.dumps),
            st.sampled_from(["[]", "{}", "1979-05-27", "inf", "nan", "[1, [2]]", "{a = 1}", '"a', "9" * 5000]),
            st.integers(1, 5000).map(lambda n: "[" * n),
            st.integers(1, 5000).map(lambda n: "{a=" * n),
        ),
    ).map(lambda t: f"[{t[0]}]\n{t[1]} = {t[2]}\n"),
    st.integers(1, 5000).map(lambda n: "[" + "a." * n + "b]"),
)


# FUZZ_CASES=100000 for the long run of docs/mqtt.md
@settings(max_examples=int(os.environ.get("FUZZ_CASES", "300")), deadline=None)
@given(text=tomlish)
def test_every_text_is_a_configuration_or_refused(text: str):
    try:
        config = parse_config(text)
    except ConfigError:
        return
    assert isinstance(config, Config)


@pytest.mark.parametrize("value", ["[" * 20_000, "{a=" * 20_000, "9" * 5000])
def test_what_toml_parsers_choke_on_is_refused(value: str):
    with pytest.raises(ConfigError, match="not valid TOML"):
        parse_config(f"[camera]\nfps = {value}")


def test_values_from_elsewhere_are_judged_by_the_same_rules():
    config = with_values(Config(), {"fusion": {"dwell_ms": 5}})
    assert config.fusion.dwell_ms == 5
    assert config.fusion.hysteresis == Config().fusion.hysteresis
    with pytest.raises(ConfigError) as caught:
        with_values(config, {"fusion": {"dwell_ms": True, "x" * 500: 1}, "face": {"most_faces": 10**400}})
    assert len(str(caught.value).splitlines()) == 3
    assert all(len(line) < 400 for line in str(caught.value).splitlines())


def test_each_model_may_have_an_accelerator_of_its_own():
    text = (
        'accelerator = "gpu"\nspeech_accelerator = "external"\ndelegate = "libx.so"\ndelegate_options = "a=1; b = x=y"'
    )
    inference = parse_config(f"[inference]\n{text}").inference
    assert (inference.accelerator_of("face"), inference.accelerator_of("speech")) == ("gpu", "external")
    assert inference.options == {"a": "1", "b": "x=y"}
    with pytest.raises(ConfigError, match=r":2: \[inference\] face_accelerator = \"external\" needs the delegate's"):
        parse_config('[inference]\nface_accelerator = "external"')
    with pytest.raises(ConfigError, match="delegate_options: expected a text of the form"):
        parse_config('[inference]\ndelegate_options = "fast"')


@pytest.mark.parametrize("context", ["workplace", "education"])
def test_a_use_that_is_banned_is_refused_without_a_reason(context):
    with pytest.raises(ConfigError, match=r"c:2: \[privacy\] context: .*Art\. 5\(1\)\(f\)"):
        parse_config(f'[privacy]\ncontext = "{context}"', "c")
    config = parse_config(f'[privacy]\ncontext = "{context}"\nreason = "safety"')
    assert config.privacy.use == f"{context}, for safety reasons"
