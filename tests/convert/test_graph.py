from __future__ import annotations

import pytest

from convert.graph import Graph, functional
from convert.keras_start import start_keras


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    return start_keras(tmp_path_factory.mktemp("log") / "log", tensorflow=True)


def _readers(graph):
    only = {step.kind: graph.only_reader(step) for step in graph.steps}
    return {kind: reader.kind if reader else None for kind, reader in only.items()}


def test_a_sequential_model_from_a_file_has_each_call_once(keras, tmp_path):
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3), keras.layers.ReLU()])
    model.save(tmp_path / "model.keras")
    loaded = functional(keras.models.load_model(tmp_path / "model.keras"))
    graph = Graph(loaded)
    assert _readers(graph) == {"Dense": "ReLU", "ReLU": None}
    assert [graph.calls(layer) for layer in loaded.layers[1:]] == [1, 1]


def test_operators_read_too_and_an_end_has_no_only_reader(keras):
    inputs = keras.layers.Input((4,))
    wide = keras.layers.Dense(4)(inputs)
    small = keras.layers.ReLU()(wide)
    model = keras.Model(inputs, [small + wide, small])
    assert _readers(Graph(model)) == {"Dense": None, "ReLU": None, "Add": None}


def test_a_layer_that_is_called_twice_is_counted_twice(keras):
    inputs = keras.layers.Input((4,))
    shared = keras.layers.Dense(4)
    model = keras.Model(inputs, shared(shared(inputs)))
    assert Graph(model).calls(shared) == 2
