from __future__ import annotations

import pytest
import torch

from llp.errors import ParameterError
from llp.training.precision import choose_device, choose_dtype

CPU = torch.device("cpu")


def test_auto_is_the_gpu_where_there_is_one():
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert choose_device("cpu") == CPU


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "cpu0"])
def test_a_device_that_this_machine_lacks_is_one_line_with_the_way_out(name):
    with pytest.raises(ParameterError, match=rf"^compute\.device: '{name}' is not to be had here \(.+\); use auto or"):
        choose_device(name)


def test_small_work_is_done_in_full_precision_and_what_is_asked_for_is_done():
    assert choose_dtype("auto", CPU, (1, 8, 8)) == torch.float32
    assert choose_dtype("auto", CPU, (13,)) == torch.float32
    assert choose_dtype("float32", CPU, (3, 32, 32)) == torch.float32
    assert choose_dtype("bfloat16", CPU, (13,)) == torch.bfloat16


@pytest.mark.parametrize(
    ("amx", "avx", "dtype"), [(1, 0, torch.bfloat16), (0, 1, torch.bfloat16), (0, 0, torch.float32)]
)
def test_images_and_texts_are_trained_in_bfloat16_where_the_processor_has_it(monkeypatch, amx, avx, dtype):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: bool(amx))
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bool(avx))
    assert choose_dtype("auto", CPU, (3, 32, 32)) == dtype
    assert choose_dtype("auto", CPU, (40, 20_000)) == dtype  # a text
