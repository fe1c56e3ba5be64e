"""The tiny raw files of the data set tests, for stages that run on them."""

from tests.datasets.conftest import prepare, tiny  # noqa: F401
