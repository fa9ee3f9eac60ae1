"""What strangers send is one small object, or named for what it is instead."""

from __future__ import annotations

import pytest

from edge.publish.strict_json import MOST_BYTES, read_object


@pytest.mark.parametrize(
    ("payload", "read"),
    [
        (b"", {}),
        (b"{}", {}),
        (
            ' {"a": [1, -2.5e3, null, true, "\\u00e9\\ud83d\\ude00 \xe9"]}'.encode(),
            {"a": [1, -2500.0, None, True, "é😀 é"]},
        ),
        (b'{"a": "[[[[[[[[[[[["}', {"a": "[" * 12}),
        (b'{"a": ' + b'"' + b"x" * (MOST_BYTES - 9) + b'"}', {"a": "x" * (MOST_BYTES - 9)}),
    ],
)
def test_an_object_is_read(payload: bytes, read: dict[str, object]):
    assert read_object(payload) == read


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"x" * (MOST_BYTES + 1), "expected at most 4096 bytes, got 4097"),
        (b'{"a": "\xff"}', "expected UTF-8, got something else at byte 7"),
        (b"{" * 9, "expected at most 8 levels"),
        (b"{nonsense", "expected JSON"),
        (b"{} {}", "expected JSON"),
        (b"[1]", "expected a JSON object"),
        (b'"secret"', "expected a JSON object"),
        (b'{"a": 1, "a": 2}', "every key once"),
        (b'{"a": 1e999}', "beyond the range of a double"),
        (b'{"a": NaN}', "got NaN or Infinity"),
        (b'{"a": -Infinity}', "got NaN or Infinity"),
        (b'{"a": "\\ud800"}', "half of a surrogate pair"),
    ],
)
def test_what_parsers_disagree_about_is_refused_without_quoting_it(payload: bytes, why: str):
    with pytest.raises(ValueError, match=why) as told:
        read_object(payload)
    assert "secret" not in str(told.value)
