from __future__ import annotations

import pytest

from edge import errors


@pytest.mark.parametrize("name", [name for name in vars(errors) if name.endswith("Error")])
def test_every_error_is_of_the_one_family_and_keeps_its_words(name: str):
    error = getattr(errors, name)("camera: expected one, found none. Connect it.")
    assert isinstance(error, errors.EdgeError)
    assert str(error) == "camera: expected one, found none. Connect it."


def test_who_knows_only_python_catches_them_too():
    """A wrong value is a ValueError, what cannot be read an OSError: callers outside the project catch these."""
    with pytest.raises(ValueError, match="wrong"):
        raise errors.ConfigError("wrong")
    with pytest.raises(OSError, match="gone"):
        raise errors.CaptureError("gone")
