"""One step of a training, repeated: as it is, or as a captured CUDA graph that costs the host a single call."""

from __future__ import annotations

from collections.abc import Callable

import torch

WARM_UP = 3  # steps before the capture, in which libraries choose kernels and take their workspaces


class Program:
    """Repeats a function without arguments or result that works on tensors which stay where they are.

    capture_on: a CUDA device on which to record it once and replay the record (`torch.cuda.graph`), None for neither.
    `forget` must be called when any of the tensors it works on has moved.
    """

    def __init__(self, capture_on: torch.device | None) -> None:
        self.capture_on = capture_on
        self._graph: torch.cuda.CUDAGraph | None = None

    def forget(self) -> None:
        self._graph = None

    def run(self, step: Callable[[], None], times: int) -> None:
        """Call `step` so many times; it must be the same function at every run.

        It is not kept: a method of the program's owner would make a cycle of the two, and the owner's tensors would
        stay in memory until the garbage collector comes by.
        """
        if self.capture_on is not None and self._graph is None and times > WARM_UP:
            with torch.cuda.device(self.capture_on):
                self._graph = _captured(step)
            times -= WARM_UP
        take = step if self._graph is None else self._graph.replay
        for _ in range(times):
            take()


def _captured(step: Callable[[], None]) -> torch.cuda.CUDAGraph:
    # The warm-up steps are real ones; the capture itself computes nothing.
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph
