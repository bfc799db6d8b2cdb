"""Real trainings and evaluations of YOLOv5n on tiny pictures, with the network shut off."""

import itertools
import os
import socket
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from detection_samples import CLASS_NAMES, MANIFEST, WINTER, write_study
from PIL import Image

from snowdrift.detection.cross_domain import cross_domain
from snowdrift.detection.datasets import read_pictures, write_dataset
from snowdrift.detection.domains import training_selections
from snowdrift.detection.evaluation import EvaluationSettings, evaluate_detector, example_frames
from snowdrift.detection.in_use import best_confidence
from snowdrift.detection.intervals import METRICS
from snowdrift.detection.metrics import CURVE_POINTS, measure
from snowdrift.detection.training import TrainingSettings, train_detector
from snowdrift.detection.ultralytics_api import prepare_ultralytics
from snowdrift.detection.weights import read_weights
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import read_table, write_table
from snowdrift.runtime.resume import JobState

SETTINGS = TrainingSettings(
    model="yolov5n",
    image_size=64,
    epochs=2,
    batch_size=8,
    optimizer="AdamW",
    learning_rate=0.002,
    final_learning_rate=0.1,
    momentum=0.9,
    weight_decay=0.0005,
    warmup_epochs=1,
    mosaic=1.0,
    close_mosaic=1,
    validate=False,
    workers=0,
    plots=False,
)
QUICK = replace(SETTINGS, epochs=1)
EVALUATION = EvaluationSettings(image_size=64, batch_size=8, confidence=0.001, iou=0.7, workers=0)
CPU = [torch.device("cpu")]
# Never what Ultralytics would choose by itself: the number of cores less one, or one.
THREADS = os.cpu_count() + 1


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError(f"network: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(autouse=True)
def threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def datasets(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets")
    pictures = study.pictures
    sets = {"original": {"original": 1}, "mixed": {"original": 0.5, "cyclegan": 0.5}}
    for domain, shares in sets.items():
        selections = training_selections(pictures.frames, domain, shares, seed=0)
        write_dataset(folder / domain, pictures, selections)
    return folder


def train(
    dataset: Path, folder: Path, settings: TrainingSettings = QUICK, seed: int = 0, threads: int = 1, **more
):
    state = JobState(tempfile.mkdtemp(prefix="state", dir=folder.parent), "key")
    options = {"settings": settings, "seed": seed, "devices": CPU, "threads": threads, "state": state} | more
    train_detector(dataset, folder, **options)
    return folder


@pytest.fixture(scope="module")
def quick(datasets, tmp_path_factory):
    return train(datasets / "mixed", tmp_path_factory.mktemp("models") / "quick")


@pytest.fixture(scope="module")
def validated(datasets, tmp_path_factory):
    settings = replace(SETTINGS, validate=True, plots=True)
    return train(datasets / "original", tmp_path_factory.mktemp("models") / "validated", settings)


def evaluate(model: Path, study, scratch: Path, **more):
    options = {"settings": EVALUATION, "examples": 3, "device": CPU[0], "threads": 1}
    options |= {"test_domains": ["original", "winter"], "merged": {}} | more
    validation = training_selections(study.pictures.frames, "both", {"original": 1, "cyclegan": 1}, seed=0)[
        "val"
    ]
    return evaluate_detector(
        model, study.pictures, validation[["frame_id", "source"]], scratch=scratch, **options
    )


@pytest.fixture
def persons(study, tmp_path):
    """The study with its winter frames as true winter, whose one class stands for both."""
    tables = [tmp_path / "true_frames.parquet", tmp_path / "true_boxes.parquet"]
    study.frames.to_parquet(tables[0])
    study.boxes.assign(class_id=0).to_parquet(tables[1])
    read = [study.folder / name for name in ("frames.parquet", "boxes.parquet", "root")]
    pictures = read_pictures(
        *read, CLASS_NAMES, [study.folder / MANIFEST], tables, true_winter_root=study.folder / WINTER
    )
    return SimpleNamespace(pictures=pictures)


def test_where_one_class_stands_for_several_their_detections_count_as_that_one(validated, persons, tmp_path):
    sets = {"original": CLASS_NAMES, "true_winter": ["person"]}
    options = {"test_domains": list(sets), "examples": 0, "settings": replace(EVALUATION, confidence=0.0001)}
    model = validated / "weights" / "best.pt"
    matches, _ = evaluate(model, persons, tmp_path / "a", merged={"person": CLASS_NAMES}, **options)
    apart, _ = evaluate(model, persons, tmp_path / "b", merged={}, **options)

    def true_winter(table: pd.DataFrame) -> pd.DataFrame:
        return table[table["test_domain"] == "true_winter"]

    def detected(table: pd.DataFrame) -> pd.DataFrame:
        return true_winter(table)[true_winter(table)["confidence"].notna()]

    assert set(detected(apart)["class_name"]) == set(CLASS_NAMES), "or there is nothing to put together"
    together = true_winter(matches)
    assert set(together["class_name"].dropna()) == {"person"}
    assert together["object_height"].count() == true_winter(apart)["object_height"].count() > 0
    assert 0 < len(detected(matches)) < len(detected(apart)), "one person detected as both counts once"
    assert detected(matches)["confidence"].max() == detected(apart)["confidence"].max()
    rest = [
        table[table["test_domain"] != "true_winter"].astype({"class_name": str}) for table in (matches, apart)
    ]
    pd.testing.assert_frame_equal(*(table.reset_index(drop=True) for table in rest), check_categorical=False)

    table = cross_domain([matches.assign(train_domain="original", seed=0)], sets).table
    classes = table.groupby("test_domain")["class_name"].unique().map(list)
    assert classes.to_dict() == {name: ["all", *names] for name, names in sets.items()}


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return read_weights(folder / "weights" / "best.pt")


def test_a_validated_training_leaves_weights_results_arguments_and_plots(validated):
    results = pd.read_csv(validated / "results.csv")
    assert list(results["epoch"]) == [1, 2]
    assert "metrics/mAP50(B)" in results
    for name in (
        "weights/best.pt",
        "weights/last.pt",
        "args.yaml",
        "results.png",
        "labels.jpg",
        "BoxPR_curve.png",
    ):
        assert (validated / name).is_file()
    assert not (validated / "dataset").exists()


def test_without_validation_the_model_is_the_last_epoch_and_no_metric_is_made_up(quick):
    best, last = tensors(quick), read_weights(quick / "weights" / "last.pt")
    assert all(torch.equal(best[key], last[key]) for key in best)
    columns = pd.read_csv(quick / "results.csv").columns
    assert {"train/box_loss", "lr/pg0"} < set(columns)
    assert not [name for name in columns if "val" in name or "metrics" in name]


def test_arguments_are_the_settings_and_differ_between_domains_in_the_data_alone(quick, datasets, tmp_path):
    other = train(datasets / "original", tmp_path / "original")
    mine, theirs = (yaml.safe_load((folder / "args.yaml").read_text()) for folder in (quick, other))
    differing = {key for key in mine if mine[key] != theirs[key]}
    assert differing == {"data", "name", "project", "save_dir"}
    assert mine["optimizer"] == "AdamW"
    assert mine["patience"] == 0
    assert mine["pretrained"] is False
    assert (mine["lr0"], mine["lrf"], mine["momentum"], mine["nbs"]) == (0.002, 0.1, 0.9, 64)


def test_same_seed_same_weights_other_seed_others(quick, datasets, tmp_path, reports):
    again, other = (train(datasets / "mixed", tmp_path / str(seed), seed=seed) for seed in (0, 1))
    assert reports[-1].done == reports[-1].total and {"epoch", "box_loss"} <= set(reports[-1].values)
    first, second, third = tensors(quick), tensors(again), tensors(other)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not all(torch.equal(first[key], third[key]) for key in first)


def test_trainings_leave_the_dataset_and_the_current_folder_alone(datasets, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = sorted(datasets.rglob("*"))
    train(Path(os.path.relpath(datasets / "mixed")), Path("../model"), replace(QUICK, validate=True))
    assert sorted(datasets.rglob("*")) == before
    assert not list((tmp_path / "here").iterdir())
    assert (tmp_path / "model" / "weights" / "best.pt").is_file()


def test_the_given_number_of_threads_is_what_counts(datasets, study, tmp_path, monkeypatch):
    from snowdrift.detection.trainer import StudyTrainer

    counts = []
    original = StudyTrainer.optimizer_step
    monkeypatch.setattr(
        StudyTrainer, "optimizer_step", lambda self: (counts.append(torch.get_num_threads()), original(self))
    )
    model = train(datasets / "mixed", tmp_path / "model", threads=THREADS) / "weights" / "best.pt"
    assert counts
    assert set(counts) == {THREADS}
    evaluate(model, study, tmp_path / "scratch", threads=THREADS + 1)
    assert torch.get_num_threads() == THREADS + 1


def test_a_picture_that_cannot_be_read_ends_the_training(study, tmp_path):
    damaged = write_study(tmp_path / "study", frames_per_video=2)
    pictures = damaged.pictures
    write_dataset(
        tmp_path / "set", pictures, training_selections(pictures.frames, "original", {"original": 1}, seed=0)
    )
    (damaged.folder / "root" / damaged.frames.loc[1, "image"]).write_bytes(b"no picture")
    with pytest.raises(SnowdriftError, match=r"GOPR0000_original/GOPR0000_00001\.jpg"):
        train(tmp_path / "set", tmp_path / "model")


@pytest.mark.parametrize(
    ("error", "batch_size", "hint"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
            8,
            "batch_size to 4 or less",
        ),
        (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"), 8, "batch_size to 4 or less"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"), 3, "batch_size to 1 or less"),
        (torch.OutOfMemoryError("CUDA out of memory"), 1, "lower detector.image_size"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
            8,
            "lower detector.batch_size",
        ),
    ],
)
def test_a_batch_that_memory_does_not_hold_ends_the_training_there(
    error, batch_size, hint, datasets, tmp_path, monkeypatch
):
    prepare_ultralytics()
    from snowdrift.detection.trainer import StudyTrainer

    seen = []

    def full(self, batch):
        seen.append(len(batch["img"]))
        raise error

    monkeypatch.setattr(StudyTrainer, "preprocess_batch", full)
    with pytest.raises(SnowdriftError, match=rf"detector\.batch_size.*batch of {batch_size}") as caught:
        train(datasets / "mixed", tmp_path / "model", replace(QUICK, batch_size=batch_size))
    assert hint in caught.value.hint
    assert seen == [batch_size]


@pytest.mark.parametrize(("batch_size", "seen"), [(15, [15]), (5, [5, 5, 5]), (4, [4, 4, 4, 4])])
def test_a_last_frame_alone_waits_for_another_epoch_where_no_network_takes_it(
    batch_size, seen, datasets, tmp_path, monkeypatch
):
    """At 32 px batch normalisation gets one value of a frame; there are 16 frames."""
    prepare_ultralytics()
    from snowdrift.detection.trainer import StudyTrainer

    original, sizes = StudyTrainer.preprocess_batch, []

    def count(self, batch):
        sizes.append(len(batch["img"]))
        return original(self, batch)

    monkeypatch.setattr(StudyTrainer, "preprocess_batch", count)
    train(datasets / "original", tmp_path / "model", replace(QUICK, image_size=32, batch_size=batch_size))
    assert sizes == seen


def test_one_frame_at_a_time_is_refused_where_no_network_takes_it(datasets, tmp_path):
    with pytest.raises(SnowdriftError, match=r"detector.image_size is 32, at which .* two frames") as caught:
        train(datasets / "original", tmp_path / "model", replace(QUICK, image_size=32, batch_size=1))
    assert "64 or more" in caught.value.hint


def test_an_unknown_model_is_refused(datasets, tmp_path):
    with pytest.raises(SnowdriftError, match=r"detector\.model: yolov8n"):
        train(datasets / "original", tmp_path / "model", replace(QUICK, model="yolov8n"))


def test_a_training_starts_from_a_checkpoint_or_a_state_dict(quick, datasets, tmp_path):
    plain, expected = tmp_path / "plain.pt", tensors(quick)
    torch.save(expected, plain)
    still = replace(QUICK, learning_rate=1e-12, warmup_epochs=0, optimizer="SGD")
    for file in (plain, quick / "weights" / "best.pt"):
        started = tensors(train(datasets / "mixed", tmp_path / "model", still, seed=5, pretrained=file))
        learnt = [key for key in started if key.endswith("conv.weight")]
        assert learnt
        assert all(torch.allclose(started[key], expected[key], atol=2e-3) for key in learnt)


def test_weights_of_another_number_of_classes_fit_but_for_the_class_branch(quick, datasets, tmp_path):
    weights = tensors(quick)
    head = max(int(key.split(".")[1]) for key in weights)
    weights[f"model.{head}.cv3.0.2.weight"] = torch.zeros(80, 64, 1, 1)
    torch.save(weights, tmp_path / "coco.pt")
    train(datasets / "mixed", tmp_path / "model", pretrained=tmp_path / "coco.pt")


def test_weights_of_another_size_are_refused_with_what_was_expected(quick, datasets, tmp_path):
    with pytest.raises(
        SnowdriftError, match=r"does not fit yolov5s.*model\.0\.conv\.weight should be \(32, 3, 6, 6\)"
    ):
        train(
            datasets / "mixed",
            tmp_path / "model",
            replace(QUICK, model="yolov5s"),
            pretrained=quick / "weights" / "best.pt",
        )


class Trap:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_weight_file_that_carries_code_is_refused_and_not_run(tmp_path, wrapped):
    trap = Trap(tmp_path / "ran")
    torch.save({"model": trap, "ema": None} if wrapped else trap, tmp_path / "trap.pt")
    with pytest.raises(SnowdriftError, match=r"trap\.pt"):
        read_weights(tmp_path / "trap.pt")
    assert not (tmp_path / "ran").exists()


def test_other_files_are_refused_by_name(quick, tmp_path):
    whole = (quick / "weights" / "best.pt").read_bytes()
    contents = {"empty.pt": b"", "text.pt": b"hello", "half.pt": whole[: len(whole) // 2]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    torch.save({"epoch": 3}, tmp_path / "numbers.pt")
    torch.save([torch.zeros(1)], tmp_path / "list.pt")
    for name in (*contents, "numbers.pt", "list.pt", "absent.pt"):
        with pytest.raises(SnowdriftError, match=name):
            read_weights(tmp_path / name)


@pytest.fixture
def validated_by_ultralytics(monkeypatch):
    """What Ultralytics' validator says itself, test set after test set."""
    from snowdrift.detection.validator import MatchingValidator

    seen = []
    original = MatchingValidator.finalize_metrics
    monkeypatch.setattr(
        MatchingValidator, "finalize_metrics", lambda self: (seen.append(self.metrics), original(self))
    )
    return seen


def test_the_matches_give_ultralytics_own_figures(validated, study, tmp_path, validated_by_ultralytics):
    matches, _ = evaluate(validated / "weights" / "best.pt", study, tmp_path / "scratch")
    write_table(matches, tmp_path / "matches.parquet")
    read = read_table(tmp_path / "matches.parquet")
    assert list(matches["test_domain"].cat.categories) == ["original", "winter"]
    for domain, theirs in zip(("original", "winter"), validated_by_ultralytics[:2], strict=True):
        metrics, curves, left_out = measure(read[read["test_domain"] == domain])
        assert metrics["class_name"].tolist() == ["all", *CLASS_NAMES]
        assert metrics["instances"].tolist() == [12, 6, 6]
        assert metrics["images"].tolist() == [8, 6, 6]
        expected = [theirs.mean_results(), theirs.class_result(0), theirs.class_result(1)]
        assert metrics[list(METRICS)].to_numpy() == pytest.approx(np.array(expected), abs=1e-6)
        assert left_out["left_out"].unique().tolist() == ["GOPR0006", "GOPR0007"]
        for number, name in enumerate(CLASS_NAMES):
            curve = curves[curves["class_name"] == name]
            assert curve["recall"].tolist() == pytest.approx(np.linspace(0, 1, CURVE_POINTS))
            at = np.interp(curve["recall"], theirs.box.px, theirs.box.prec_values[number])
            assert curve["precision"].to_numpy() == pytest.approx(at, abs=1e-4)
    assert not list((tmp_path / "scratch").iterdir())


def test_validation_videos_choose_the_confidence_as_ultralytics_does(
    validated, study, tmp_path, validated_by_ultralytics
):
    """Of both versions of every frame."""
    matches, _ = evaluate(validated / "weights" / "best.pt", study, tmp_path, test_domains=["original"])
    validation = matches[matches["split"] == "val"]
    assert validation["test_domain"].isna().all()
    assert set(validation["video"]) == set(study.frames.loc[study.frames["split"] == "val", "video"])
    assert validation["object_height"].notna().sum() == 2 * 12
    theirs = validated_by_ultralytics[-1].box
    confidence = best_confidence(validation)
    place = int(np.argmin(np.abs(theirs.px - confidence)))
    assert theirs.p_curve[:, place].tolist() == pytest.approx(list(theirs.p), abs=1e-9)
    assert theirs.r_curve[:, place].tolist() == pytest.approx(list(theirs.r), abs=1e-9)


def test_an_object_is_found_once_or_missed(validated, study, tmp_path):
    matches, _ = evaluate(validated / "weights" / "best.pt", study, tmp_path, test_domains=["original"])
    matches = matches[matches["split"] == "test"]
    objects = matches[matches["object_height"].notna()]
    found = objects["confidence"].notna()
    assert (objects.loc[found, "tp50"]).all() and not matches.loc[matches["confidence"].isna(), "tp50"].any()
    assert found.sum() == matches["tp50"].sum()
    heights = study.boxes.merge(study.frames[study.frames["split"] == "test"], on="frame_id")
    expected = heights.groupby("frame_id")["box_height"].apply(sorted)
    for frame_id, rows in objects.groupby("frame_id", observed=True):
        assert sorted(rows["object_height"]) == pytest.approx(expected[frame_id], abs=1e-3)
    assert set(matches["frame_id"].astype(str)) == set(
        study.frames.loc[study.frames["split"] == "test", "frame_id"]
    )
    assert matches["height"].dropna().between(0, 1).all()


def test_a_class_without_instances_has_a_row_without_metrics(quick, study, tmp_path, reports):
    upright = replace(study, boxes=study.boxes[study.boxes["class_id"] == 0], folder=tmp_path)
    for name in ("root", "snow", "frames.parquet"):
        (tmp_path / name).symlink_to(study.folder / name)
    upright.boxes.to_parquet(tmp_path / "boxes.parquet")
    matches, _ = evaluate(quick / "weights" / "best.pt", upright, tmp_path, test_domains=["original"])
    matches = matches[matches["split"] == "test"]
    table, curves, left_out = measure(matches)
    row = table.set_index("class_name").loc["fallen"]
    assert (row["images"], row["instances"]) == (0, 0)
    assert row[["precision", "recall", "map50", "map50_95"]].isna().all()
    assert table.loc[table["class_name"] != "fallen", "map50"].notna().all()
    assert left_out.loc[left_out["class_name"] != "fallen", "map50"].notna().all()
    assert set(curves["class_name"]) == {"all", "normal"}
    assert reports[-1].stage == "testing on validation" and reports[-1].done == reports[-1].total


def test_examples_show_the_same_frames_in_both_domains(quick, study, tmp_path):
    _, examples = evaluate(quick / "weights" / "best.pt", study, tmp_path)
    frames = {domain: rows["frame_id"].unique().tolist() for domain, rows in examples.groupby("test_domain")}
    assert frames["original"] == frames["winter"]
    assert len(frames["original"]) == 3
    assert {frame_id.split("/")[0] for frame_id in frames["original"]} == {"GOPR0006", "GOPR0007"}
    assert all(Path(path).is_file() for path in examples["image_path"])
    assert (examples["class_name"].isna() == examples["x1"].isna()).all()


def test_example_frames_are_spread_and_have_boxes(study):
    selection = study.frames.assign(source="original")[["frame_id", "video", "source"]]
    chosen = example_frames(study.frames, selection, 4)
    assert chosen["video"].is_unique
    assert len(chosen) == 4
    assert study.frames.set_index("frame_id").loc[chosen["frame_id"], "boxes"].gt(0).all()
    assert len(example_frames(study.frames, selection, 1000)) == int((study.frames["boxes"] > 0).sum())
    assert example_frames(study.frames.assign(boxes=0), selection, 4).empty


def test_a_model_that_cannot_be_read_is_named(study, tmp_path):
    with pytest.raises(SnowdriftError, match=r"absent\.pt"):
        evaluate(tmp_path / "absent.pt", study, tmp_path)
    (tmp_path / "broken.pt").write_bytes(b"no weights")
    with pytest.raises(SnowdriftError, match=r"broken\.pt"):
        evaluate(tmp_path / "broken.pt", study, tmp_path)


def test_a_test_picture_that_cannot_be_read_ends_the_evaluation(quick, tmp_path):
    damaged = write_study(tmp_path / "study", frames_per_video=2)
    test_frame = damaged.frames.loc[damaged.frames["split"] == "test", "image"].iloc[0]
    (damaged.folder / WINTER / test_frame).write_bytes(b"no picture")
    with pytest.raises(SnowdriftError, match=r"GOPR0006_cyclegan/GOPR0006_00000\.jpg"):
        evaluate(quick / "weights" / "best.pt", damaged, tmp_path / "scratch")


def test_detections_that_a_time_limit_dropped_are_an_error(quick, study, tmp_path, monkeypatch):
    from ultralytics.utils import nms

    # A clock that runs an hour a call: the library's own limit is then over after the first picture.
    hours = itertools.count(0, 3600)
    monkeypatch.setattr(nms.time, "time", lambda: next(hours))
    with pytest.raises(SnowdriftError, match="time limit, so detections were lost"):
        evaluate(quick / "weights" / "best.pt", study, tmp_path)


def test_pictures_are_still_opened_by_pillow_itself(quick):
    assert Image.open.__module__ == "PIL.Image"


def test_a_training_outside_pytest_opens_no_connection_and_writes_nothing_at_home(datasets, tmp_path):
    """Ultralytics is quieter when it sees pytest, so this one runs in a process of its own."""
    program = f"""
import os, socket, threading
import torch
def refuse(*arguments, **options):
    os.write(2, f"network: {{arguments}}".encode())
    os._exit(3)
socket.socket.connect = socket.socket.sendto = socket.getaddrinfo = refuse
from snowdrift.detection.training import TrainingSettings, train_detector
from snowdrift.runtime.resume import JobState
settings, state = {replace(QUICK, plots=True)!r}, JobState({str(tmp_path / "state")!r}, "key")
train_detector(
    {str(datasets / "mixed")!r}, "model", settings=settings, seed=0, devices=[torch.device("cpu")], threads=1,
    state=state,
)
"""
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    environment = os.environ | {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "MPLCONFIGDIR": matplotlib.get_cachedir(),
        "ULTRALYTICS_API_KEY": "ul_" + "0" * 40,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    for name in ("YOLO_OFFLINE", "YOLO_AUTOINSTALL", "YOLO_CONFIG_DIR", "PYTEST_CURRENT_TEST"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=here, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not list(home.rglob("*"))
    assert [path.name for path in here.iterdir()] == ["model"]
    assert done.stdout == ""
