"""The extractors: a classifier that learns the labels, and Inception with given weights or none."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.scores import inception
from snowdrift.scores import xray_classifier as classifier_module
from snowdrift.scores.inception import InceptionUnavailable, build_network, load_inception
from snowdrift.scores.score_sets import ScoreSettings
from snowdrift.scores.xray_classifier import (
    ClassifierExtractor,
    ClassifierSettings,
    evaluate_classifier,
    load_classifier,
    save_classifier,
    train_classifier,
)
from snowdrift.xray.classifier import train_xray_classifier
from snowdrift.xray.evaluation import ExtractorFiles, evaluate_models
from snowdrift.xray.images import save_png

CPU = torch.device("cpu")
SETTINGS = ClassifierSettings(image_size=16, filters=4, epochs=12, batch_size=16, learning_rate=0.01)


def labelled(n, seed):
    """Bright above or bright below: two classes, the second twice as frequent."""
    random = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 80, (n, 1, 20, 20), dtype=torch.uint8, generator=random)
    labels = (torch.arange(n) % 3 > 0).long()
    images[labels == 0, :, :10] += 120
    images[labels == 1, :, 10:] += 120
    return images, labels


@pytest.fixture(scope="module")
def classifier():
    return train_classifier(*labelled(60, 0), ["above", "below"], SETTINGS, seed=0, device=CPU)


def test_the_classifier_learns_its_labels(classifier):
    table = evaluate_classifier(classifier, *labelled(30, 1), CPU).set_index("class_name")
    assert table["images"].to_dict() == {"above": 10, "below": 20, "all": 30}
    assert table.loc["all", "accuracy"] > 0.9
    assert (table["accuracy_low"] < table["accuracy_high"]).all()


def test_the_classifier_and_its_features_come_back_from_the_file(classifier, tmp_path):
    save_classifier(classifier, tmp_path / "c.pth")
    images, _ = labelled(5, 2)
    saved, loaded = (
        ClassifierExtractor(part, CPU).extract(images)
        for part in (classifier, load_classifier(tmp_path / "c.pth"))
    )
    assert saved.features.shape == (5, 16)
    assert saved.logits.shape == (5, 2)
    assert (saved.features == loaded.features).all()
    assert (saved.logits == loaded.logits).all()


def test_the_same_seed_trains_the_same_classifier():
    images, labels = labelled(30, 0)
    first, second = (
        train_classifier(images, labels, ["a", "b"], SETTINGS, seed=3, device=CPU).state_dict()
        for _ in range(2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(("count", "batch_size"), [(17, 8), (17, 16), (3, 2), (65, 64), (16, 8), (18, 8)])
def test_a_last_batch_of_one_joins_the_one_before(count: int, batch_size: int):
    """At 16 px the last maps are single pixels, and batch normalisation takes no single value."""
    images, labels = labelled(count, 0)
    settings = replace(SETTINGS, epochs=1, batch_size=batch_size)
    trained = train_classifier(images, labels, ["a", "b"], settings, seed=0, device=CPU)
    assert all(bool(tensor.isfinite().all()) for tensor in trained.state_dict().values())
    order = torch.arange(count)
    batches = classifier_module._batches(order, settings)
    assert torch.equal(torch.cat(batches), order)
    assert min(map(len, batches)) >= 2
    larger = classifier_module._batches(order, replace(settings, image_size=17))
    assert [*map(len, larger)] == [
        *map(len, order.split(batch_size))
    ]  # where one alone trains, it stays alone


def test_a_class_without_images_is_named():
    images, labels = labelled(30, 0)
    with pytest.raises(SnowdriftError, match="no image to learn none from"):
        train_classifier(images, labels, ["a", "b", "none"], SETTINGS, seed=0, device=CPU)
    with pytest.raises(SnowdriftError, match="show a alone"):
        train_classifier(images, torch.zeros_like(labels), ["a"], SETTINGS, seed=0, device=CPU)


@pytest.mark.parametrize("content", [{"weights": torch.ones(1)}, {"shape": {"classes": ["a"]}, "state": {}}])
def test_a_file_that_is_no_classifier_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "c.pth")
    with pytest.raises(SnowdriftError, match=r"c\.pth: not a classifier"):
        load_classifier(tmp_path / "c.pth")


@pytest.fixture(scope="module")
def inception_weights(tmp_path_factory):
    """The right architecture with random weights; the real ones are 92 MB on the network."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("inception") / "random.pth"
    torch.save(build_network().state_dict(), path)
    return path


def test_inception_agrees_with_torch_fidelity_on_the_same_weights(inception_weights):
    """Both put the weights into networks of their own; at 299 px neither has to resize."""
    images = torch.randint(0, 256, (3, 3, 299, 299), dtype=torch.uint8, generator=torch.manual_seed(1))
    theirs = FeatureExtractorInceptionV3(
        "inception-v3-compat",
        ["2048", "logits_unbiased"],
        feature_extractor_weights_path=str(inception_weights),
    )
    features, logits = theirs(images)
    ours = load_inception(inception_weights, CPU).extract(images)
    torch.testing.assert_close(torch.from_numpy(ours.features).float(), features, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(torch.from_numpy(ours.logits).float(), logits, rtol=1e-3, atol=1e-3)


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"layer": torch.ones(2)}, tmp_path / "other.pth")
    with pytest.raises(SnowdriftError, match=r"other\.pth: does not fit") as caught:
        load_inception(tmp_path / "other.pth", CPU)
    assert not isinstance(caught.value, InceptionUnavailable)
    assert "scores.inception_weights" in caught.value.hint
    assert len(str(caught.value)) < 500


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No cached weights, and a network on which every connection fails."""

    def fail(*arguments, **options):
        raise OSError("no route to host")

    monkeypatch.setattr(inception.torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(inception.torch.hub, "download_url_to_file", fail)


@pytest.mark.usefixtures("offline")
def test_weights_that_are_not_to_be_had_say_so():
    with pytest.raises(InceptionUnavailable, match="no route to host") as caught:
        load_inception(None, CPU)
    assert "scores.inception_weights" in caught.value.hint


@pytest.fixture
def xray_set(tmp_path):
    """An indexed set of two findings, and the samples of one model."""
    images, labels = labelled(60, 0)
    rows = []
    for index, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
        split = ("train", "held_out", "train", "test", "train")[index % 5]
        class_name = ("NORMAL", "PNEUMONIA")[label]
        save_png(image, tmp_path / f"{index}.png")
        rows.append((f"{index}.png", split, class_name, class_name.lower(), f"patient{index}"))
    table = pd.DataFrame(rows, columns=["image", "split", "class_name", "finding", "patient"])
    np.save(tmp_path / "samples.npy", labelled(20, 5)[0].numpy())
    return table, tmp_path


def evaluate(table, root, files):
    section = {
        "image_size": 16,
        "channels": 1,
        "latent_size": 4,
        "filters": 4,
        "batch_size": 4,
        "epochs": 1,
        "learning_rate": 0.001,
        "ema": 0,
    }
    return evaluate_models(
        table,
        root,
        "NORMAL",
        {"mine": root / "samples.npy"},
        section,
        files,
        ScoreSettings(study_images=4, study_splits=2, neighbours=3, two_sample=replace(SETTINGS, epochs=1)),
        seed=0,
        device=CPU,
    )


@pytest.mark.usefixtures("offline")
def test_an_extractor_that_is_not_to_be_had_is_left_out_aloud(xray_set, caplog):
    table, root = xray_set
    weights, accuracy = root / "c.pth", root / "c.csv"
    section = {"image_size": 16, "filters": 4, "epochs": 2, "batch_size": 8, "learning_rate": 0.01}
    train_xray_classifier(table, root, section, weights=weights, accuracy=accuracy, seed=0, device=CPU)
    files = ExtractorFiles(["inception", "xray_classifier"], weights, accuracy, None)
    evaluation = evaluate(table, root, files)
    assert evaluation.scores["model"].tolist() == [
        "real",
        "test_split",
        "mine",
        "untrained",
        "pixel_mean",
        "pca",
        "training",
    ]
    assert set(evaluation.scores["extractor"]) == {"xray_classifier"}
    rows = evaluation.extractors.set_index("extractor")
    assert rows["used"].to_dict() == {"inception": False, "xray_classifier": True}
    assert "no route to host" in rows.loc["inception", "detail"]
    assert "of 12 images of held-out patients" in rows.loc["xray_classifier", "detail"]
    assert "the scores by inception are left out" in caplog.text
    assert set(evaluation.neighbours["training_image"]) <= set(table["image"])


@pytest.mark.usefixtures("offline")
def test_no_extractor_at_all_is_an_error(xray_set):
    with pytest.raises(SnowdriftError, match="no extractor is to be had") as caught:
        evaluate(*xray_set, ExtractorFiles(["inception"], None, None, None))
    assert "add `xray_classifier`" in caught.value.hint


def test_colour_and_gray_of_any_size_are_seen_alike(classifier):
    gray, _ = labelled(4, 3)
    extractor = ClassifierExtractor(classifier, CPU)
    assert (extractor.extract(gray).features == extractor.extract(gray.repeat(1, 3, 1, 1)).features).all()
    large = torch.stack([torch.from_numpy(_enlarged(image)) for image in gray])
    difference = extractor.extract(large).features - extractor.extract(gray).features
    assert abs(difference).max() < 0.2


def _enlarged(image):
    return np.asarray(Image.fromarray(image[0].numpy()).resize((40, 40)))[None]
