from __future__ import annotations

from dataclasses import replace

import pytest

from convert.delegate_rules import edge_tpu_refuses, gpu_refuses, npu_refuses
from convert.operations import Operation

INT8 = Operation(0, "CONV_2D", "features", ("int8", "int8"), 1000, (1, 48, 48, 8), False)
FLOAT = replace(INT8, types=("float32", "float32"))
INT16 = replace(INT8, types=("int16", "int16"))
DYNAMIC = replace(INT8, dynamic=True)


def test_a_convolution_in_int8_runs_on_each():
    assert not any(refuses(INT8) for refuses in (gpu_refuses, npu_refuses, edge_tpu_refuses))


@pytest.mark.parametrize("refuses", [gpu_refuses, npu_refuses, edge_tpu_refuses])
def test_no_accelerator_takes_an_output_of_unknown_size(refuses):
    assert "known only when it runs" in refuses(DYNAMIC)


def test_a_gpu_takes_float_but_neither_int16_nor_what_has_no_kernel():
    assert not gpu_refuses(FLOAT)
    assert "float16" in gpu_refuses(INT16)
    assert gpu_refuses(replace(INT8, name="CUMSUM")) == "no GPU kernel"


def test_an_npu_takes_int16_but_neither_float32_nor_custom_operations():
    assert not npu_refuses(INT16)
    assert "float32" in npu_refuses(FLOAT)
    assert not npu_refuses(replace(FLOAT, name="DEQUANTIZE"))
    for name in ("CUSTOM", "FlexErf"):
        assert "TFLite's own" in npu_refuses(replace(INT8, name=name))


def test_the_edge_tpu_takes_8_bits_and_three_dimensions_alone():
    assert "has float32: use --scheme int8" in edge_tpu_refuses(FLOAT)
    assert "has int16" in edge_tpu_refuses(INT16)
    assert "Edge TPU's operations" in edge_tpu_refuses(replace(INT8, name="ABS"))
    assert "three innermost" in edge_tpu_refuses(replace(INT8, output_shape=(2, 48, 48, 8)))
    assert not edge_tpu_refuses(replace(INT8, output_shape=(2, 8)))
