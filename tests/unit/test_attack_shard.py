"""A shard of the attack on a small generator: table, traces, pictures; and the ceiling against a library."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.signal import convolve2d
from torch import nn

from snowdrift.attack import shard
from snowdrift.attack.names import CEILINGS, TRANSFORMATIONS
from snowdrift.attack.objective import Budget, Goal
from snowdrift.attack.queries import Query, QueryCounter
from snowdrift.attack.robustness import to_rounded_picture, transformed, visibility
from snowdrift.attack.shard import COLUMNS, AttackSettings, attack_shard, prepare
from snowdrift.attack.white_box import projected_gradient
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.resume import JobState
from snowdrift.runtime.workers import one_core_threads
from snowdrift.snow.networks.inference import accelerated
from snowdrift.snow.networks.resnet import ResnetGenerator, initialise
from snowdrift.snow.pixels import to_tensor

SETTINGS = AttackSettings(
    size=32,
    epsilon=0.1,
    success=0.75,
    queries=120,
    methods=["las_gsa", "square"],
    ceiling_steps=8,
    batch_size=8,
)


def generator(seed=0):
    network = ResnetGenerator(4, 1)
    initialise(network, torch.Generator().manual_seed(seed))
    for parameter in network.parameters():
        parameter.data *= 8
    return network.eval().requires_grad_(False)


@pytest.fixture
def images(tmp_path):
    random = np.random.default_rng(0)
    for name in "ab":
        pixels = random.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((80, 60)).save(tmp_path / f"{name}.png")
    return pd.DataFrame({"frame_id": ["V/a", "V/b"], "image": ["a.png", "b.png"], "group": "V"})


def attack(images, root, out, settings=SETTINGS, second=None, threads=1):
    attack_shard(
        images,
        generator(),
        second,
        settings,
        root=root,
        table=out / "table.csv",
        traces=out / "traces.csv",
        pictures=out / "pictures",
        state=JobState(out / "state", "key"),
        seed=0,
        device=torch.device("cpu"),
        threads=threads,
    )
    return pd.read_csv(out / "table.csv"), pd.read_csv(out / "traces.csv")


def test_every_image_and_method_has_a_row_and_a_trace_that_agree(images, tmp_path, reports):
    rows, traces = attack(images, tmp_path, tmp_path / "out")
    said = {each.stage: each for each in reports}
    assert [stage.split()[0] for stage in said] == [*CEILINGS, "las_gsa", "square"]
    last = said["square (4 of 4 attacks)"]
    assert (last.done, last.total) == (rows.loc[rows["method"] == "square", "spent"].sum(), 240)
    assert list(rows.columns) == COLUMNS
    assert set(rows["method"]) == {"las_gsa", "square", *CEILINGS}
    assert len(rows) == 8
    assert rows.loc[~rows["success"], "queries"].eq(rows["budget"][~rows["success"]]).all()
    assert rows["spent"].le(rows["budget"]).all() and rows["linf"].le(0.1 + 1e-6).all()
    assert (rows["success"] == (rows["score"] >= 0.75)).all()
    assert rows["score_transfer"].isna().all()
    last = traces.groupby(["image", "method"])["score"].last()
    for row in rows[rows["score"] > 0].itertuples():
        assert last[row.image, row.method] == pytest.approx(row.score)


def test_no_attack_sees_a_generator_that_rounds_to_10_bits(images, tmp_path, monkeypatch):
    """As a GPU's convolutions do by themselves; finite differences would be of the rounding."""
    seen, forward = set(), ResnetGenerator.forward

    def looked_at(network, given):
        seen.add(torch.backends.cudnn.allow_tf32)
        return forward(network, given)

    monkeypatch.setattr(ResnetGenerator, "forward", looked_at)
    before = torch.backends.cudnn.allow_tf32
    attack(images, tmp_path, tmp_path / "out")
    assert seen == {False}
    assert torch.backends.cudnn.allow_tf32 == before


def test_an_attack_whose_first_step_costs_more_than_all_queries_says_so(images, tmp_path, caplog):
    attack(
        images,
        tmp_path,
        tmp_path / "out",
        settings=replace(SETTINGS, methods=["las_gsa_published", "square"]),
    )
    (warning,) = (record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert warning.startswith("las_gsa_published changed no image. Hint: the 120 queries")


def test_ceilings_and_the_way_to_half_of_them(images, tmp_path):
    rows, traces = attack(images, tmp_path, tmp_path / "out")
    for image, own in rows.groupby("image"):
        best = own.loc[own["method"].isin(CEILINGS), "score"].max()
        assert (own["ceiling"] == best).all() and best > 0
        for row in own.itertuples():
            trace = traces[(traces["image"] == image) & (traces["method"] == row.method)]
            reached = trace.loc[trace["score"] >= best / 2, "queries"]
            assert (reached.empty and np.isnan(row.half_ceiling_queries)) or reached.iloc[
                0
            ] == row.half_ceiling_queries


def test_the_same_seed_gives_the_same_tables(images, tmp_path):
    rows, traces = attack(images, tmp_path, tmp_path / "one")
    again, traces_again = attack(images, tmp_path, tmp_path / "two")
    pd.testing.assert_frame_equal(rows, again)
    pd.testing.assert_frame_equal(traces, traces_again)


def test_the_number_of_threads_changes_nothing(images, tmp_path):
    rows, traces = attack(images, tmp_path, tmp_path / "one")
    again, traces_again = attack(images, tmp_path, tmp_path / "three", threads=3)
    pd.testing.assert_frame_equal(rows, again)
    pd.testing.assert_frame_equal(traces, traces_again)


@pytest.mark.parametrize("size", [48, 104])
def test_shared_queries_are_answered_as_one_at_a_time_by_the_plain_network(size):
    network = ResnetGenerator(16, 3).eval().requires_grad_(False)
    initialise(network, torch.Generator().manual_seed(0))
    network.model[-2].weight.mul_(20)
    images = torch.rand(9, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1
    answers = []

    def ask(index, goal):
        answers.append((yield Query(images)))

    with one_core_threads(2) as pool:
        counter = QueryCounter(
            accelerated(network), limit=99, batch_size=32, device=torch.device("cpu"), pool=pool
        )
        (end,) = counter.attack([images[0]], ask, Budget(0.1))
    assert end.queries == 10
    with torch.inference_mode():
        expected = torch.cat([network(image[None]) for image in images])
    assert expected.std() > 0.3
    assert (answers[0] - expected).abs().max() < 0.1 / 127.5


def test_a_killed_shard_goes_on_with_the_next_method_and_ends_the_same(images, tmp_path, monkeypatch):
    rows, traces = attack(images, tmp_path, tmp_path / "whole")
    run, started = shard._attack, []

    def killed(method, *arguments):
        started.append(method)
        if method == "square":
            raise KeyboardInterrupt
        return run(method, *arguments)

    monkeypatch.setattr(shard, "_attack", killed)
    with pytest.raises(KeyboardInterrupt):
        attack(images, tmp_path, tmp_path / "cut")
    assert not (tmp_path / "cut/table.csv").exists()
    monkeypatch.setattr(shard, "_attack", lambda method, *rest: started.append(method) or run(method, *rest))
    again, traces_again = attack(images, tmp_path, tmp_path / "cut")
    assert started == [*CEILINGS, "las_gsa", "square", "square"]
    pd.testing.assert_frame_equal(rows, again)
    pd.testing.assert_frame_equal(traces, traces_again)
    pictures = [
        {path.relative_to(out): path.read_bytes() for path in (out / "pictures").rglob("*.png")}
        for out in (tmp_path / "whole", tmp_path / "cut")
    ]
    assert pictures[0] == pictures[1] and len(pictures[0]) == 2 * (2 + 2 * 4)


def test_an_image_draws_the_same_directions_in_any_shard(images, tmp_path):
    """Scores differ by float noise alone, which depends on what else is in a batch."""
    rows, _ = attack(images, tmp_path, tmp_path / "both")
    alone, _ = attack(images[1:], tmp_path, tmp_path / "alone")
    together = rows.loc[rows["image"] == "V/b", "score"].to_numpy()
    assert np.allclose(alone["score"], together, atol=1e-3)


def test_pictures_show_what_is_handed_out_and_what_becomes_of_it(images, tmp_path):
    attack(images, tmp_path, tmp_path / "out")
    folder = tmp_path / "out/pictures/V/a"
    original = np.asarray(Image.open(folder / "original.png"), int)
    protected = np.asarray(Image.open(folder / "square_protected.png"), int)
    assert np.abs(original - protected).max() in (12, 13)
    assert {path.stem for path in folder.iterdir()} >= {
        "winter",
        "square_winter",
        "pgd_protected",
        "pgd_winter",
    }
    with torch.no_grad():
        winter = generator()(prepare(tmp_path / "a.png", 32)[None])[0]
    assert np.array_equal(
        np.asarray(Image.open(folder / "winter.png")), np.asarray(to_rounded_picture(winter))
    )


def test_a_second_generator_is_tried_with_its_own_translation(images, tmp_path):
    second = generator(seed=7)
    rows, _ = attack(images, tmp_path, tmp_path / "out", second=second)
    original = prepare(tmp_path / "a.png", 32)
    translation = second(original[None])[0]
    protected = to_tensor(Image.open(tmp_path / "out/pictures/V/a/square_protected.png"))
    left = (second(protected[None])[0] - original).square().sum() / (translation - original).square().sum()
    found = rows.set_index(["image", "method"]).loc[("V/a", "square")]
    assert found["score_transfer"] == pytest.approx(1 - float(left), abs=0.005)
    assert found["score_transfer"] != pytest.approx(found["score"], abs=0.01)


def test_a_second_generator_that_changes_nothing_gives_no_score(images, tmp_path):
    class Same(nn.Module):
        def forward(self, values):
            return values

    rows, _ = attack(images, tmp_path, tmp_path / "out", second=Same())
    assert rows["score_transfer"].isna().all()


def test_a_shard_without_images_leaves_empty_tables(images, tmp_path):
    rows, traces = attack(images[:0], tmp_path, tmp_path / "out")
    assert rows.empty and traces.empty and (tmp_path / "out/pictures").is_dir()


def test_a_photograph_that_has_gone_is_named_and_leaves_nothing(images, tmp_path):
    (tmp_path / "b.png").unlink()
    with pytest.raises(SnowdriftError, match=r"b\.png"):
        attack(images, tmp_path, tmp_path / "out")
    assert not (tmp_path / "out/pictures").exists()


def test_photographs_are_fitted_and_cut_around_their_centre(tmp_path):
    wide = Image.new("RGB", (300, 100))
    wide.paste((255, 255, 255), (100, 0, 200, 100))
    wide.save(tmp_path / "wide.png")
    image = prepare(tmp_path / "wide.png", 32)
    assert image.shape == (3, 32, 32)
    assert (image[:, :, 2:-2] == 1).all()


def test_treatments_change_as_much_as_they_should():
    smooth = torch.linspace(-0.9, 0.9, 64).expand(3, 64, 64)
    noisy = (smooth + 0.1 * torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    after = dict(zip(TRANSFORMATIONS, transformed(noisy), strict=True))
    errors = {name: float((image - noisy).abs().mean()) for name, image in after.items()}
    assert errors["8_bit"] < 1 / 255
    assert errors["8_bit"] < errors["jpeg_95"] < errors["jpeg_85"] < errors["jpeg_75"]
    assert errors["resize"] > errors["8_bit"]
    assert all(image.shape == noisy.shape for image in after.values())


def test_visibility_of_a_known_change():
    original = torch.zeros(3, 32, 32)
    seen = visibility(original, original + 0.1)
    assert seen["linf"] == seen["rms"] == pytest.approx(0.1)
    assert seen["psnr"] == pytest.approx(20 * np.log10(2 / 0.1), abs=1e-3)
    same = visibility(original, original)
    assert (same["ssim"], same["psnr"]) == (pytest.approx(1), np.inf)
    # A flat picture's SSIM is that of its brightness: (2ab + c) / (a^2 + b^2 + c), c = 0.01^2, on a scale from 0 to 1.
    assert seen["ssim"] == pytest.approx((2 * 0.5 * 0.55 + 1e-4) / (0.5**2 + 0.55**2 + 1e-4), abs=1e-4)


def test_ssim_is_the_papers_mean_over_windows_that_lie_within_the_picture():
    random = torch.Generator().manual_seed(0)
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 8, 8, generator=random) * 2 - 1, size=32)[0]
    noisy = (smooth + 0.1 * torch.randn(smooth.shape, generator=random)).clamp(-1, 1)
    gauss = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(gauss, gauss) / gauss.sum() ** 2

    def mean(values):
        return convolve2d(values, window, mode="valid")

    parts = []
    for x, y in zip(((smooth + 1) / 2).numpy(), ((noisy + 1) / 2).numpy(), strict=True):
        brightness = (2 * mean(x) * mean(y) + 0.01**2) / (mean(x) ** 2 + mean(y) ** 2 + 0.01**2)
        variances = mean(x**2) - mean(x) ** 2 + mean(y**2) - mean(y) ** 2
        parts.append(brightness * (2 * (mean(x * y) - mean(x) * mean(y)) + 0.03**2) / (variances + 0.03**2))
    assert visibility(smooth, noisy)["ssim"] == pytest.approx(np.mean(parts), abs=1e-5)


def test_the_ceiling_is_that_of_another_library():
    """Adversarial Robustness Toolbox runs PGD towards the original as its target, on inputs in [0, 1]."""
    art_estimators = pytest.importorskip("art.estimators.regression")
    art_attacks = pytest.importorskip("art.attacks.evasion")
    network = generator()
    image = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(1)) * 1.6 - 0.8

    class Flat(nn.Module):
        def forward(self, values):
            return network(values * 2 - 1).flatten(1)

    def squared_error(outputs, targets):
        return (outputs - targets.view_as(outputs)).square().sum()

    estimator = art_estimators.PyTorchRegressor(
        Flat(), loss=squared_error, input_shape=image.shape, clip_values=(0.0, 1.0)
    )
    pgd = art_attacks.ProjectedGradientDescent(
        estimator, eps=0.05, eps_step=0.001, max_iter=200, targeted=True, verbose=False
    )
    values = ((image + 1) / 2)[None].numpy()
    protected = pgd.generate(values, y=image.flatten()[None].numpy())
    goal = Goal.of(image, network(image[None])[0], Budget(0.1))
    theirs = float(goal.score(network(torch.from_numpy(protected) * 2 - 1))[0])
    ours = projected_gradient(network, image, Budget(0.1), iterations=60).score
    assert theirs > 0.1
    assert ours == pytest.approx(theirs, rel=0.15)


def test_rounding_is_to_the_nearest_level():
    levels = torch.arange(256).float().expand(3, 1, 256) / 127.5 - 1
    assert torch.allclose(to_tensor(to_rounded_picture(levels + 0.003)), levels, atol=1e-6)
