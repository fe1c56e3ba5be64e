from __future__ import annotations

import pandas as pd
import pytest

from llp.meta.dataset import assemble
from tests.meta.synthetic import nothing_known, probe_tables


@pytest.fixture(scope="session")
def meta_dataset() -> pd.DataFrame:
    """Four data sets, 24 configurations each, one row a run of 20 epochs."""
    return assemble(nothing_known(), probe_tables(4))
