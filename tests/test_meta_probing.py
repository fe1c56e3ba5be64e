"""Meta-probing on a user's own model, data, loss and optimizer: real digits, a network that is not ours."""

from __future__ import annotations

import inspect
import json
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from llp.errors import DataError, DivergedError, LLPError, ParameterError
from llp.meta.dataset import assemble
from llp.meta.model import MetaModel
from llp.meta_probing import MetaProbing, train_with_meta_params
from tests.meta.synthetic import nothing_known, probe_tables
from tests.tasks import blobs_fn, same_state, sgd_fn, small_net


class DigitsNet(nn.Module):
    """Normalised layers with a skip: nothing that the library has."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = nn.Linear(64, width)
        self.norm = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, width)
        self.head = nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)
        return self.head(x + F.gelu(self.hidden(self.norm(x))))


def create_model(config):
    return DigitsNet(config["width"])


def get_data_loaders(fraction=1.0):
    """A thousand digits to train on and 400 to validate on."""
    x, y = load_digits(return_X_y=True)
    x, y = torch.from_numpy(x / 16).float(), torch.from_numpy(y)
    count = int(1000 * fraction)
    train = DataLoader(TensorDataset(x[:count], y[:count]), batch_size=50, shuffle=True)
    return train, DataLoader(TensorDataset(x[1000:1400], y[1000:1400]), batch_size=200)


def create_optimizer(model, config):
    return torch.optim.AdamW(model.parameters(), lr=config["learning_rate"])


CONFIGS = [
    {"learning_rate": 1e-6, "width": 32},
    {"learning_rate": 3e-3, "width": 32},
    {"learning_rate": 1e-5, "width": 16},
    {"learning_rate": 10.0, "width": 32},
]


def on_digits(configs=CONFIGS, **options) -> MetaProbing:
    functions = {
        "model_fn": create_model,
        "dataset_fn": get_data_loaders,
        "criterion": nn.CrossEntropyLoss(),
        "optimizer_fn": create_optimizer,
    }
    return MetaProbing(configs, **{**functions, "device": "cpu", **options})


def on_blobs(configs, **options) -> MetaProbing:
    """Small and fast."""
    return MetaProbing(configs, small_net, blobs_fn, F.cross_entropy, sgd_fn, **{"device": "cpu", **options})


RATES = [{"learning_rate": rate} for rate in (1e-5, 0.1, 1e-4, 1e-3)]


@pytest.fixture(scope="module")
def best():
    """What a search with the specification's arguments chose."""
    return on_digits().run_meta_optimization(
        min_resource=0.1, max_resource=0.5, reduction_factor=2, num_initial_configs=6, num_iterations=3
    )


def test_the_example_of_the_specification_picks_the_good_one_among_bad_ones(best):
    assert best == CONFIGS[1]
    assert best["width"] == 32
    assert best.search.predicted_score > 0.8
    assert best.search.predicted_low <= best.search.predicted_score <= best.search.predicted_high


def test_the_defaults_are_those_of_the_specification():
    defaults = inspect.signature(MetaProbing.run_meta_optimization).parameters
    expected = {
        "min_resource": 0.1,
        "max_resource": 0.5,
        "reduction_factor": 2,
        "num_initial_configs": 6,
        "num_iterations": 3,
    }
    assert {name: defaults[name].default for name in expected} == expected


def test_training_with_it_gives_a_good_model_and_its_history(best):
    model, history = train_with_meta_params(best)
    assert set(history) == {"train_loss", "validation_loss", "validation_accuracy", "learning_rate"}
    assert {len(values) for values in history.values()} == {10}
    _, validation = get_data_loaders()
    with torch.no_grad():
        hits = [(model(inputs).argmax(1) == labels).float().mean().item() for inputs, labels in validation]
    assert not model.training
    assert np.mean(hits) == pytest.approx(max(history["validation_accuracy"]))
    assert np.mean(hits) > 0.9


def test_a_full_training_begins_as_its_probe_did(best):
    _, history = train_with_meta_params(best)
    probes = best.search.probes
    [probe] = probes[(probes["hp_learning_rate"] == 3e-3) & (probes["resource"] == 0.4)].to_dict("records")
    assert history["train_loss"][:4] == probe["train_loss"]


def test_training_may_take_other_epochs_and_another_seed(best):
    model, history = train_with_meta_params(best, epochs=2)
    assert len(history["train_loss"]) == 2
    other, _ = train_with_meta_params(best, epochs=2, seed=7)
    assert not same_state(model.state_dict(), other.state_dict())
    again, _ = train_with_meta_params(best, epochs=2, seed=0)
    assert same_state(model.state_dict(), again.state_dict())


def test_the_choice_is_a_plain_mapping_that_can_be_written_down(best):
    assert json.loads(json.dumps(best)) == CONFIGS[1]
    assert dict(best) == CONFIGS[1]
    assert train_with_meta_params(pickle.loads(pickle.dumps(best)), epochs=1)[1]["train_loss"]


def test_what_did_not_come_from_a_search_cannot_be_trained(best):
    for plain in (dict(best), best.search, None):
        with pytest.raises(ParameterError, match=r"takes what run_meta_optimization returned, not a plain mapping$"):
            train_with_meta_params(plain)


def test_no_epochs_are_refused(best):
    with pytest.raises(ParameterError, match=r"^epochs: 0 is not a whole number of at least 1$"):
        train_with_meta_params(best, epochs=0)


def test_the_cost_is_that_of_all_probes_and_the_table_shows_them():
    """Ten epochs: four configurations for one, two for two, one for four."""
    probing = on_blobs(RATES)
    found = probing.run_meta_optimization()
    assert found == {"learning_rate": 0.1}
    assert found.search.cost == 4 * 1 + 2 * 1 + 1 * 2
    assert probing.probes["resource"].value_counts().to_dict() == {0.1: 4, 0.2: 2, 0.4: 1}
    latest = probing.probes.groupby("configuration").tail(1)
    assert latest["cost"].sum() == found.search.cost
    assert probing.probes["hp_learning_rate"].tolist()[0] == 1e-5


def test_the_budget_is_kept():
    found = on_blobs(RATES).run_meta_optimization(budget=0.6)
    assert found.search.cost == 6
    assert found == {"learning_rate": 0.1}
    with pytest.raises(ParameterError, match=r"0\.3 full trainings do not pay for 4 probes"):
        on_blobs(RATES).run_meta_optimization(budget=0.3)


def test_shares_of_the_data_reach_the_users_function_and_the_cost():
    found = on_blobs(RATES).run_meta_optimization(data_fraction=0.25)
    assert found.search.cost == pytest.approx(4 * 0.25 + 2 * 0.5 + 2 * 1.0)
    assert found == {"learning_rate": 0.1}


def test_two_processes_find_what_one_finds():
    """Functions that were defined on the spot travel along."""

    def local_model(config):
        return small_net(config)

    found = []
    for n_jobs in (1, 2):
        probing = MetaProbing(
            RATES, local_model, lambda: blobs_fn(), nn.CrossEntropyLoss(), sgd_fn, device="cpu", n_jobs=n_jobs
        )
        probing.run_meta_optimization()
        found.append(probing.probes)
    pd.testing.assert_frame_equal(found[0], found[1], check_exact=True)


def test_the_state_of_global_generators_neither_matters_nor_changes():
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        probing = on_digits(CONFIGS[:2])
        train_with_meta_params(probing.run_meta_optimization(num_iterations=1), epochs=1)
        assert torch.equal(torch.get_rng_state(), before)
        found.append(probing.probes)
    pd.testing.assert_frame_equal(found[0], found[1], check_exact=True)


def test_the_seed_of_the_search_decides():
    one, same, other = (on_blobs(RATES, seed=seed) for seed in (0, 0, 1))
    for probing in (one, same, other):
        probing.run_meta_optimization(num_iterations=1)
    pd.testing.assert_frame_equal(one.probes, same.probes, check_exact=True)
    assert one.probes["train_loss"].tolist() != other.probes["train_loss"].tolist()


def counted(started):
    def model_fn(config):
        started.append(config["learning_rate"])
        return small_net(config)

    return model_fn


def test_a_later_process_finds_the_probes_of_its_study(tmp_path):
    found, started = [], []
    for _ in range(2):
        started.clear()
        probing = MetaProbing(
            RATES, counted(started), blobs_fn, F.cross_entropy, sgd_fn, device="cpu", study="s", store=tmp_path / "p"
        )
        probing.run_meta_optimization()
        found.append(probing.probes)
    assert started == []
    pd.testing.assert_frame_equal(found[0], found[1], check_exact=True)


def test_another_study_and_none_start_anew(tmp_path):
    started = []
    for keep in ({"study": "one", "store": tmp_path / "p"}, {"study": "two", "store": tmp_path / "p"}, {}, {}):
        probing = MetaProbing(RATES[:1], counted(started), blobs_fn, F.cross_entropy, sgd_fn, device="cpu", **keep)
        probing.run_meta_optimization(num_iterations=1)
    assert len(started) == 4


def test_numbers_of_numpy_are_as_good_as_any_and_probes_still_continue():
    """Configurations from np.logspace: a rung goes on from the one before, it doesn't start over."""
    rates = [{"learning_rate": rate} for rate in np.logspace(-5, -1, 4)]
    levels = np.array([0.1, 0.4])
    steps_done = []

    def recorded(progress):
        steps_done.append(progress)
        return 1.0

    probing = on_blobs(rates, schedule=recorded)
    found = probing.run_meta_optimization(levels[0], levels[1], data_fraction=np.float64(0.5))
    assert found["learning_rate"] == pytest.approx(0.1)
    steps = 4 * (1 * 2) + 2 * (1 * 4) + 1 * (2 * 4)
    assert len(steps_done) == steps, "epochs were trained twice"


def test_configurations_may_come_from_a_generator_and_repeats_count_once():
    probing = on_blobs(config for config in [*RATES, *RATES])
    assert probing.configs == RATES
    assert on_blobs([RATES[0]] * 6).run_meta_optimization(num_iterations=1).search.cost == 1


def test_a_schedule_acts_on_probes_and_on_the_training():
    found = on_blobs(RATES, schedule="cosine").run_meta_optimization()
    _, history = train_with_meta_params(found)
    rates = history["learning_rate"]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 0.09
    assert rates[-1] < 0.01
    custom = on_blobs(RATES[1:2], schedule=lambda progress: 0.5).run_meta_optimization()
    assert set(train_with_meta_params(custom)[1]["learning_rate"]) == {0.05}


def test_when_everything_diverges_it_says_so():
    with pytest.raises(DivergedError, match=r"^all 2 probed configurations diverged: lower the learning rates"):
        on_blobs([{"learning_rate": 1e12}, {"learning_rate": 1e15}]).run_meta_optimization()


def test_a_training_that_diverges_at_once_says_so():
    """The user raised the rate that was chosen."""
    best = on_blobs(RATES[1:2]).run_meta_optimization(num_iterations=1)
    best["learning_rate"] = 1e15
    with pytest.raises(DivergedError, match=r"^the training diverged in its first epoch: lower the learning rate$"):
        train_with_meta_params(best)


def test_a_meta_model_chooses_whom_to_probe_first():
    """It has learned that rates near 10**-1.4 are good for sgd; the user's names are those of params.yaml."""
    model = MetaModel.fit(assemble(nothing_known(), probe_tables(4)), without="")
    rates = 10 ** np.linspace(-4, 0, 24)[::-1]
    configs = [{"learning_rate": float(rate), "optimizer": "sgd"} for rate in rates]
    probing = on_blobs(configs, meta_model=model)
    found = probing.run_meta_optimization(num_initial_configs=3, num_iterations=2)
    tried = probing.probes["hp_learning_rate"]
    assert np.abs(np.log10(tried) + 1.4).max() < 0.8
    assert found.search.predicted_score >= probing.probes["score"].max() - 1e-9


def test_a_meta_model_from_elsewhere_is_not_read(tmp_path):
    (tmp_path / "m.joblib").write_bytes(b"x")
    with pytest.raises(LLPError, match=r"m\.joblib is not the file that dvc\.lock records"):
        on_blobs(RATES, meta_model=tmp_path / "m.joblib")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"configs": []}, r"^configs: at least one configuration is needed$"),
        ({"epochs": 0}, r"^epochs: 0 is not a whole number of at least 1$"),
        ({"epochs": 2.5}, r"^epochs: 2\.5 is not a whole number of at least 1$"),
        ({"seed": -1}, r"^seed: -1 is not a whole number of at least 0$"),
        ({"configs": [1, 2]}, r"^configs: 1 is not a mapping of hyperparameters by name$"),
        ({"configs": [{"lr": 0.1, 3: 4}]}, r"^configs: the name of a hyperparameter is text, not 3$"),
        ({"n_jobs": 1.5}, r"^n_jobs: 1\.5 is not a whole number of at least -1$"),
        ({"study": "s"}, r"^study and store go together: a name, and the folder where its probes are kept$"),
        ({"store": "p"}, r"^study and store go together"),
        ({"schedule": "warmup"}, r"^schedule: unknown 'warmup'; there are constant, step, cosine, one_cycle$"),
        ({"device": "cuda:99"}, r"^compute\.device: 'cuda:99' is not to be had here"),
        ({"n_jobs": 0}, r"^n_jobs: 0 is neither a number of processes nor -1 for all cores$"),
    ],
)
def test_arguments_that_do_not_fit_are_one_line(options, message):
    options = {"configs": RATES, **options}
    with pytest.raises(ParameterError, match=message):
        on_blobs(**options).run_meta_optimization()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_resource": 0.6}, r"^min_resource 0\.6 and max_resource 0\.5: allowed is"),
        ({"max_resource": 2}, r"^min_resource 0\.1 and max_resource 2: allowed is"),
        ({"reduction_factor": 1}, r"^reduction_factor 1: allowed is"),
        ({"num_initial_configs": 0}, r"^num_initial_configs: 0 is not a whole number of at least 1$"),
        ({"num_initial_configs": 2.5}, r"^num_initial_configs: 2\.5 is not a whole number of at least 1$"),
        ({"budget": "2"}, r"^budget: '2' is not a number of at least 0$"),
        ({"budget": float("inf")}, r"^budget: inf is not a number of at least 0$"),
        ({"min_resource": "a tenth"}, r"^min_resource: 'a tenth' is not a number of at least 0$"),
        ({"num_iterations": 0}, r"^num_iterations: 0 is not a whole number of at least 1$"),
        ({"data_fraction": 0}, r"^data_fraction 0: allowed is"),
    ],
)
def test_so_are_those_of_a_search(options, message):
    with pytest.raises(ParameterError, match=message):
        on_blobs(RATES).run_meta_optimization(**options)


def test_a_share_of_the_data_needs_a_function_that_takes_one():
    probing = MetaProbing(RATES, small_net, lambda: blobs_fn(), F.cross_entropy, sgd_fn, device="cpu")
    with pytest.raises(ParameterError, match=r"^data_fraction: dataset_fn takes no fraction of the data; give it a"):
        probing.run_meta_optimization(data_fraction=0.5)


def test_labels_that_are_no_classes_are_one_line():
    batches = [(torch.zeros(4, 4), torch.zeros(4))]
    probing = MetaProbing(RATES, small_net, lambda: (batches, batches), F.mse_loss, sgd_fn, device="cpu")
    with pytest.raises(DataError, match=r"^labels must be whole numbers from 0"):
        probing.run_meta_optimization()


X, Y = torch.zeros(4, 4), torch.zeros(4, dtype=torch.long)


@pytest.mark.parametrize(
    ("train", "validation", "message"),
    [
        ([{"x": X, "y": Y}], [(X, Y)], r"^dataset_fn: a batch of the training data is dict, not \(inputs, labels\)$"),
        ([(X.numpy(), Y.numpy())], [(X, Y)], r"training data is \(ndarray, ndarray\), not two tensors$"),
        ([(X, Y)], [(X, [0, 1])], r"validation data is \(Tensor, list\), not two tensors$"),
        ([(X, Y)], 5, r"^dataset_fn: the validation batches are int, not a loader$"),
    ],
)
def test_batches_that_are_no_pairs_of_tensors_are_one_line(train, validation, message):
    probing = MetaProbing(RATES, small_net, lambda: (train, validation), F.cross_entropy, sgd_fn, device="cpu")
    with pytest.raises(DataError, match=message):
        probing.run_meta_optimization()


def test_there_are_no_probes_before_a_search():
    with pytest.raises(ParameterError, match=r"^nothing was probed yet: call run_meta_optimization first$"):
        _ = on_blobs(RATES).probes
