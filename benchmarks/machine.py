"""Where a measurement was made, for its row in a table."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

from llp.training.precision import choose_device


def describe_machine(device: str) -> dict[str, str | int]:
    """Processor, or the GPU where that is the device, cores, threads of PyTorch, versions of Python and PyTorch."""
    return {
        "processor": _processor(choose_device(device)),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _processor(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
