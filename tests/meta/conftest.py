from __future__ import annotations

import pandas as pd
import pytest

from llp.meta.dataset import assemble
from tests.meta.synthetic import probe_tables


@pytest.fixture(scope="session")
def meta_dataset() -> pd.DataFrame:
    """Four data sets, 24 configurations each, at resources 0, .1, .2, .4 and 1."""
    return assemble(probe_tables(4))
