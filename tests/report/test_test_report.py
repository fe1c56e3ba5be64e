"""The report about a user's own classifier."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from llp.errors import DataError, LLPError, ParameterError
from llp.report.classifier import best_epoch_of
from llp.report.statistics import Answers, confident_mistakes, right_examples
from llp.report.test_report import Gallery, generate_test_report
from tests.report.project import history_of
from tests.report.reader import Page

NAMES = ("<b>cat</b>", "$dog$", "bird")
HISTORY = history_of(4).drop(columns="epoch").to_dict("list")


class Patterns(nn.Module):
    """Scores by the mean of each third of an input; dropout and a buffer show whether its state is kept."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(3.0))
        self.dropout = nn.Dropout(0.9)
        self.classes = classes

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        parts = self.dropout(inputs.flatten(1)).tensor_split(self.classes, dim=1)
        return self.weight * torch.stack([part.mean(1) for part in parts], dim=1)


def samples(shape=(1, 6, 6), n=90, noise=1.5):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (n,), generator=generator)
    inputs = noise * torch.randn(n, *shape, generator=generator)
    for number, part in enumerate(inputs.flatten(1).tensor_split(3, dim=1)):
        part += 0.6 * (labels == number)[:, None]
    return inputs, labels


def loader(batch_size=32, **kind):
    return DataLoader(TensorDataset(*samples(**kind)), batch_size=batch_size)


def test_a_page_about_images_and_the_metrics_it_returns(tmp_path):
    model, path = Patterns().train(), tmp_path / "deep/report.html"
    options = {"history": HISTORY, "configuration": {"lr": 0.1, "<i>": None}, "title": "<script>x</script>"}
    metrics = generate_test_report(model, loader(), path, class_names=NAMES, device="cpu", **options)
    assert model.training
    inputs, labels = samples()
    shares = torch.softmax(model.eval()(inputs), 1).detach()
    predicted = shares.argmax(1)
    assert metrics["accuracy"] == pytest.approx(float((predicted == labels).float().mean()))
    assert metrics["cross_entropy"] == pytest.approx(float(nn.functional.nll_loss(shares.log(), labels)), rel=1e-5)
    assert metrics["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert 0.5 < metrics["accuracy"] < 0.95
    page = Page(path.read_bytes())
    assert "script" not in page.tags
    for expected in ("<script>x</script>", *NAMES, f"{100 * metrics['accuracy']:.2f} %", "highest in epoch 4 of 4"):
        assert expected in page.text
    assert ["<i>", "\N{EN DASH}"] in page.table_rows
    assert f"The calibration error is {metrics['calibration_error']:.4f}:" in page.text
    assert page.tags.count("h2") == 4
    assert "Probes" not in page.text
    pictures = len([alt for alt in page.values("alt") if alt.startswith("Test sample")])
    assert pictures == 24
    assert all(
        value.startswith(("data:image/png;base64,", "#")) for value in [*page.values("src"), *page.values("href")]
    )


def test_the_same_samples_in_other_batches_give_the_same_page(tmp_path):
    for size in (90, 7):
        generate_test_report(Patterns(), loader(size), tmp_path / f"{size}.html", device="cpu")
    assert (tmp_path / "90.html").read_bytes() == (tmp_path / "7.html").read_bytes()


def test_rows_of_a_table_and_no_names(tmp_path):
    generate_test_report(Patterns(), loader(shape=(12,)), tmp_path / "page.html", device="cpu")
    page = Page((tmp_path / "page.html").read_bytes())
    assert "Rows of the test part are counted from 0" in page.text
    assert not [alt for alt in page.values("alt") if alt.startswith("Test sample")]
    assert "Training" not in page.text


@pytest.mark.parametrize("batch_size", [1, 13, 90])
def test_the_gallery_keeps_just_what_the_page_shows(batch_size):
    inputs, labels = samples(n=200)
    shares = torch.softmax(Patterns().eval()(inputs), 1).detach()
    gallery = Gallery()
    for start in range(0, 200, batch_size):
        part = slice(start, start + batch_size)
        gallery.add(inputs[part], labels[part].numpy(), shares[part].numpy())
    confidence, predicted = shares.max(1)
    answers = Answers(labels.numpy(), predicted.numpy(), confidence.numpy(), NAMES)
    wanted = {*confident_mistakes(answers, 12), *right_examples(answers, 12)}
    assert set(gallery.images) == wanted
    for number in wanted:
        image, shown = inputs[number, 0].numpy(), gallery.images[number][:, :, 0]
        assert (shown.min(), shown.max()) == (0, 255)
        assert shown.argmax() == image.argmax()


def test_large_images_are_kept_small():
    gallery = Gallery()
    gallery.add(torch.rand(2, 3, 300, 200), np.array([0, 1]), np.array([[0.9, 0.1], [0.9, 0.1]]))
    assert {image.shape for image in gallery.images.values()} == {(144, 96, 3)}


def test_a_constant_image_and_one_that_is_not_finite_are_shown():
    gallery = Gallery()
    inputs = torch.ones(2, 1, 4, 4)
    inputs[1, 0, 0] = torch.inf
    gallery.add(inputs, np.array([0, 1]), np.array([[0.9, 0.1], [0.9, 0.1]]))
    assert gallery.images[0].max() == 0
    assert gallery.images[1][1:].min() == 255


def test_the_best_epoch_is_that_of_the_highest_accuracy_then_of_the_lowest_loss():
    nan = float("nan")
    curves = {"validation_accuracy": [0.1, 0.5, 0.5, 0.5, nan], "validation_loss": [9, 3, 2, 2, nan]}
    assert best_epoch_of(curves) == 3


class Wrong(nn.Module):
    """Returns whatever it is told to."""

    def __init__(self, scores) -> None:
        super().__init__()
        self.scores = scores

    def forward(self, inputs):
        return self.scores(len(inputs))


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (lambda n: torch.zeros(n), r"model: it returns shape \(32,\) for 32 samples, not scores \(32, classes\)"),
        (lambda n: torch.zeros(n, 3, 2), r"model: it returns shape \(32, 3, 2\)"),
        (lambda n: torch.zeros(n + 1, 3), r"model: it returns shape \(33, 3\)"),
        (lambda n: (torch.zeros(n, 3),), "model: it returns tuple"),
        (lambda n: torch.zeros(n, 2), "labels from 0 to 2, the model scores 2 classes"),
        (lambda n: torch.full((n, 3), float("nan")), "model: some of its scores are not finite"),
    ],
)
def test_a_model_that_does_not_fit_is_named(tmp_path, scores, message):
    with pytest.raises(DataError, match=message) as error:
        generate_test_report(Wrong(scores), loader(), tmp_path / "page.html", device="cpu")
    assert "\n" not in str(error.value)
    assert list(tmp_path.glob("*.html")) == []


INPUTS, LABELS = samples()


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ([], "test_loader: it has no samples"),
        ([(INPUTS[:0], LABELS[:0])], "test_loader: it has no samples"),
        ([(INPUTS, nn.functional.one_hot(LABELS))], r"test_loader: labels of shape \(90, 3\)"),
        ([(INPUTS, LABELS.float())], "test_loader: labels of shape .* torch.float32, not class indices"),
        ([(INPUTS, LABELS - 1)], "labels from -1 to 1, the model scores 3 classes"),
        ([{"x": INPUTS}], r"test_loader: it yields dict, not \(inputs, labels\)"),
        ([("text", LABELS)], "test_loader: inputs are str, not a tensor"),
    ],
)
def test_a_loader_that_does_not_fit_is_named(tmp_path, batches, message):
    with pytest.raises(DataError, match=message):
        generate_test_report(Patterns(), batches, tmp_path / "page.html", device="cpu")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_names": ["a", "b"]}, "class_names: 2 names for the 3 classes that the model scores"),
        ({"history": {"train_loss": [1.0]}}, "history: validation_loss is missing; it needs train_loss"),
        ({"history": {**HISTORY, "train_loss": [1.0]}}, "history: its lists are empty or of different lengths"),
        ({"device": "nonsense"}, "nonsense"),
    ],
)
def test_an_argument_that_does_not_fit_is_named(tmp_path, options, message):
    with pytest.raises(ParameterError, match=message):
        generate_test_report(Patterns(), loader(), tmp_path / "page.html", **{"device": "cpu", **options})


def test_a_path_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("llp.report.drawing._png", lambda *_: b"")
    (tmp_path / "file").write_text("")
    with pytest.raises(LLPError, match=r"file/page\.html cannot be written: (Not a directory|File exists)"):
        generate_test_report(Patterns(), loader(), tmp_path / "file/page.html", device="cpu")


def test_an_error_leaves_the_model_as_it_was(tmp_path):
    model = Wrong(lambda n: torch.zeros(n)).train()
    with pytest.raises(DataError):
        generate_test_report(model, loader(), tmp_path / "page.html", device="cpu")
    assert model.training
