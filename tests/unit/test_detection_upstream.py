"""What the detectors lean on of Ultralytics beyond its documented interface, by name."""

import importlib
import inspect

import pytest

from snowdrift.detection.ultralytics_api import prepare_ultralytics

TRAINER = "ultralytics.models.yolo.detect:DetectionTrainer"
VALIDATOR = "ultralytics.models.yolo.detect:DetectionValidator"
DATASET = "ultralytics.data.dataset:YOLODataset"

PARTS = {
    f"{TRAINER}.get_model": ["self", "cfg", "weights", "verbose"],
    f"{TRAINER}.build_dataset": ["self", "img_path", "mode", "batch"],
    f"{TRAINER}.get_dataloader": ["self", "dataset_path", "batch_size", "rank", "mode"],
    f"{TRAINER}.resume_training": ["self", "ckpt"],
    f"{TRAINER}.optimizer_step": ["self"],
    f"{TRAINER}._setup_ddp": ["self"],
    f"{TRAINER}._build_train_pipeline": ["self"],
    f"{TRAINER}._get_warmup_iterations": ["self", "num_batches"],
    f"{TRAINER}._handle_nan_recovery": ["self", "epoch"],
    f"{TRAINER}.validate": ["self"],
    f"{TRAINER}.save_metrics": ["self", "metrics"],
    f"{TRAINER}.final_eval": ["self"],
    f"{VALIDATOR}.build_dataset": ["self", "img_path", "mode", "batch"],
    f"{VALIDATOR}._prepare_batch": ["self", "si", "batch"],
    f"{VALIDATOR}._prepare_pred": ["self", "pred"],
    f"{VALIDATOR}._process_batch": ["self", "preds", "batch"],
    f"{DATASET}.load_image": ["self", "i", "rect_mode", "resize_short"],
    "ultralytics.data:build_dataloader": ["dataset", "batch", "workers", "shuffle", "rank", "drop_last"],
    "ultralytics.utils.torch_utils:init_seeds": ["seed", "deterministic"],
    "ultralytics.utils.torch_utils:strip_optimizer": ["f"],
    "ultralytics.utils.torch_utils:unwrap_model": ["m"],
    "ultralytics.utils.metrics:box_iou": ["box1", "box2"],
    "ultralytics.utils.metrics:smooth": ["y", "f"],
    "ultralytics.utils.metrics:ap_per_class": ["tp", "conf", "pred_cls", "target_cls"],
    "ultralytics.nn.tasks:torch_safe_load": ["weight", "safe_only"],
}
"""Functions and methods that are called or overridden, with the first parameters that this takes for granted."""

LINES = {
    f"{TRAINER}: self.accumulate": "the batches of a step, which its loop counts where nothing can save them",
    f"{TRAINER}: self.train_time_start": "when it began, for the time in results.csv",
    f"{TRAINER}: self.best_fitness": "of the epoch whose weights it keeps",
    f"{TRAINER}: self.ema": "the averages that become the detector",
    f"{TRAINER}: self.tloss": "the losses that are reported",
    f"{TRAINER}: self.train_loader": "which every epoch begins again",
    f"{TRAINER}: self.args.workers * 2": "the processes of its validation loader; ours puts them back",
    f"{DATASET}: self.buffer": "the frames that mosaics are made of",
    f"{DATASET}: self.max_buffer_length": "how many they are",
    f'{DATASET}: with_suffix(".npy")': "the name of what it reads in place of a picture",
    f'{DATASET}: self.cache == "disk" or fn.stat()': "whether it does, if the picture is younger",
}
"""Names and lines in a class, or one that it inherits from, and what they are for."""


def part(name: str):
    module, _, path = name.partition(":")
    found = importlib.import_module(module)
    for attribute in path.split("."):
        found = getattr(found, attribute)
    return found


class TestWhatUltralyticsDoesNotPromise:
    """Fails by the name of what an upgrade of Ultralytics has moved."""

    @pytest.fixture(autouse=True)
    def prepared(self):
        prepare_ultralytics()

    @pytest.mark.parametrize("name", PARTS)
    def test_is_there_with_its_parameters(self, name):
        parameters = list(inspect.signature(part(name)).parameters)
        assert parameters[: len(PARTS[name])] == PARTS[name]

    @pytest.mark.parametrize("line", LINES)
    def test_is_used_as_here(self, line):
        name, _, text = line.partition(": ")
        classes = [each for each in part(name).__mro__ if each.__module__.startswith("ultralytics")]
        assert any(text in inspect.getsource(each) for each in classes), LINES[line]
