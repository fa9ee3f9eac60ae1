from __future__ import annotations

from convert.sources import SOURCES, model_licence


def test_one_source_without_commercial_use_decides():
    assert model_licence(["fer2013"]).startswith("Apache-2.0")
    assert "non-commercial" in model_licence(["noise", "ravdess"])


def test_data_whose_authors_exclude_commercial_use():
    assert {name for name, source in SOURCES.items() if not source.commercial} == {
        *("raf-db", "affectnet", "ck-plus"),  # faces, by agreement with their authors
        *("ravdess", "tess", "emodb", "savee"),  # acted speech; CREMA-D's licence, the ODbL, allows it
    }
