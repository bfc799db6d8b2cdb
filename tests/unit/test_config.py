"""The configuration: layers, defaults, and faults that are named before anything runs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.settings.config import check_paths, complete_config, load_schema, read_config
from snowdrift.settings.page import readme
from snowdrift.settings.schema import is_section, walk

ROOT = Path(__file__).parents[2]
SCHEMA = load_schema(ROOT / "workflow/schemas/config.schema.yaml")


def read(name):
    return yaml.safe_load((ROOT / "config" / name).read_text())


def merge(base, top):
    merged = dict(base)
    for key, value in top.items():
        merged[key] = merge(base.get(key, {}), value) if isinstance(value, dict) else value
    return merged


def faults(text):
    """The lines of complaint about a config that holds `text` alone, besides defaults."""
    with pytest.raises(SnowdriftError) as caught:
        complete_config(yaml.safe_load(text), SCHEMA)
    assert caught.value.hint
    return caught.value.message


def test_study_config_is_complete_and_equals_the_defaults():
    study = read("config.yaml")
    assert complete_config(study, SCHEMA) == study | {"gates": {}} == complete_config({}, SCHEMA)


def test_demo_overrides_only_what_differs():
    study, demo = read("config.yaml"), read("demo.yaml")
    complete = complete_config(merge(study, demo), SCHEMA)
    assert complete["study"] == "demo"
    assert complete["data"]["vfp290k"] is None
    for key, part in demo.items():
        for name, value in part.items() if isinstance(part, dict) else ():
            assert study[key].get(name) != value, f"{key}.{name} repeats config.yaml"


def test_defaults_fill_partial_sections_and_leave_the_input_alone():
    given = {"detector": {"epochs": 3}}
    complete = complete_config(given, SCHEMA)
    assert complete["detector"]["epochs"] == 3
    assert complete["detector"]["seeds"] == [0]
    complete["detector"]["seeds"].append(1)
    assert given == {"detector": {"epochs": 3}}
    assert complete_config({}, SCHEMA)["detector"]["seeds"] == [0]


def test_every_key_has_a_description_and_a_default_that_fits():
    for key, part in walk(SCHEMA):
        assert part["description"].endswith("."), key
        assert is_section(part) or "default" in part, key


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "cyclegan: {batch_size: four}",
            ["`cyclegan.batch_size`", "'four'", "an integer of at least 1", "images"],
        ),
        ("cyclegan: {batch_size: 0}", ["`cyclegan.batch_size`", "0;", "an integer of at least 1"]),
        ("cyclegan: {blocks: true}", ["`cyclegan.blocks`", "true", "an integer"]),
        ("cyclegan: {filters: 64.0}", ["`cyclegan.filters`", "64.0", "an integer"]),
        (
            "cyclegan: {learning_rate: 2e-4}",
            ["`cyclegan.learning_rate`", "'2e-4'", "write 0.0002 or 2.0e-04"],
        ),
        ("cyclegan: {epochs: '3'}", ["`cyclegan.epochs`", "without quotes"]),
        ("cyclegan: {learning_rate: .inf}", ["`cyclegan.learning_rate`", "inf", "above 0 and at most 1"]),
        ("cyclegan: {crop_size: 510}", ["`cyclegan.crop_size`", "a multiple of 4"]),
        (
            "cyclegan: {load_size: 256}",
            ["`cyclegan.crop_size`", "512", "at most `cyclegan.load_size`", "256"],
        ),
        (
            "detector: {batch_size: 128}",
            ["`detector.nominal_batch_size`", "64", "at least `detector.batch_size` (128)"],
        ),
        (
            "cyclegan: {gpus: 3}",
            ["`cyclegan.batch_size`", "4", "a multiple of `cyclegan.gpus` (3)", "share each batch"],
        ),
        ("detector: {gpus: 3}", ["`detector.batch_size`", "16", "a multiple of `detector.gpus` (3)"]),
        ("cyclegan: {frames: 2}", ["`cyclegan.batch_size`", "at most `cyclegan.frames`"]),
        ("cyclegan:", ["`cyclegan`", "empty", "keys indented under it"]),
        ("cyclegan: [1]", ["`cyclegan`", "[1]", "keys indented under it"]),
        ("cyclgan: {}", ["unknown config key `cyclgan`", "did you mean `cyclegan`?"]),
        ("cyclegan: {epoch: 3}", ["unknown config key `cyclegan.epoch`", "did you mean `cyclegan.epochs`?"]),
        ("zebra: 1", ["unknown config key `zebra`", "study, seed, device"]),
        ("1: 2", ["unknown config key `1`"]),
        ("study: ../mine", ["`study`", "'../mine'", "letters, digits"]),
        ("study: 2024", ["`study`", "2024", "quotes"]),
        ("device: gpu", ["`device`", "'gpu'", "one of auto, cpu, cuda"]),
        ("data: {max_rejected: .nan}", ["`data.max_rejected`", "a number from 0 to 1"]),
        ("data: {class_names: [no, person]}", ["`data.class_names[0]`", "false", "quotes"]),
        ("data: {class_names: [all, fallen]}", ["`data.class_names`", "`all`"]),
        ("data: {class_names: [one, two, three]}", ["`data.class_names`", "3 names", "two"]),
        ("data: {layout: yolo, vfp290k: null}", ["`data.vfp290k`", "null", "`data.layout: yolo`"]),
        ("splits: {train: [a, a]}", ["`splits.train`", "none twice"]),
        ("splits: {val: 0}", ["`splits.val`", "an integer of at least 1 or a list"]),
        ("splits: {train: [a, b], test: [a]}", ["`splits.test`", "video `a`", "`splits.train`"]),
        ("splits: {key: day}", ["`splits.key`", "'day'", "expected `splits.file` beside it"]),
        (
            "splits: {train: [a, b], file: mine.json}",
            ["`splits.train`", "`splits.file` names the videos", "`splits.file: null`"],
        ),
        ("splits: {file: nowhere.json}", ["`splits.file`", "nowhere.json: there is no such file"]),
        ("splits: {file: [a]}", ["`splits.file`", "['a']", "a path or null"]),
        (
            "splits: {train: 1}",
            ["`splits.train`", "at least 2", "`training_sets.mixed`", "original and cyclegan"],
        ),
        ("training_sets: {a: {original: 1, snow: 1}}", ["`training_sets.a`", "source snow", "cyclegan"]),
        ("training_sets: {a: {original: 0.5}}", ["`training_sets.a`", "0.5 in all", "add up to 1"]),
        ("training_sets: {a: {original: 1, cyclegan: 0.5}}", ["`training_sets.a`", "1.5 in all"]),
        ("training_sets: {a: {cyclegan: 0}}", ["`training_sets.a`", "0 in all"]),
        (
            "training_sets: {a: {original: 1.5}}",
            ["`training_sets.a.original`", "1.5", "a share from 0 to 1"],
        ),
        ("training_sets: {a/b: {original: 1}}", ["`training_sets`", "'a/b'", "small letters"]),
        ("training_sets: {7: {original: 1}}", ["`training_sets`", "7;", "small letters"]),
        ("training_sets: {winter: {original: 1, cyclegan: 1}}", ["`training_sets.winter`", "another name"]),
        ("training_sets: {mixed: {original: 1, cyclegan: 0}}", ["`training_sets.mixed`", "another name"]),
        ("training_sets: {original: null}", ["`training_sets.original`", "cannot be left out"]),
        ("training_sets: [a]", ["`training_sets`", "['a']", "the shares of its sources"]),
        ("training_sets: {a: 1}", ["`training_sets.a`", "1;", "`{original: 0.5, cyclegan: 0.5}`"]),
        (
            "training_sets: {a: {original: {share: 1, keep: 0.8}}}",
            ["`training_sets.a.original`", "`keep`", "a share alone"],
        ),
        (
            "training_sets: {a: {cyclegan: {share: 1, keep: 0.8, by: agreement}}}",
            ["`quality.detector`", "`training_sets.a`"],
        ),
        ("training_sets: {a: {cyclegan: {share: 1, keep: 0}}}", ["`training_sets.a.cyclegan`", "keep"]),
        ("training_sets: {a: {cycelgan: 1}}", ["`training_sets.a`", "cycelgan", "matched"]),
        ("translators: [fog]", ["`translators`", "fog", "matched"]),
        ("translators: [network]", ["`network.weights`", "null"]),
        ("training_sets: {a: {command: 1}}", ["`command.run`", "null"]),
        (
            "translators: [matched]\nmatched: {least: 0.9, most: 0.1}",
            ["`matched.least`", "at most `matched.most`"],
        ),
        ("test_sets: [summer]", ["`test_sets[0]`", "'summer'", "one of original, winter, true_winter"]),
        ("data: {true_winter: {folder: w}}", ["`data.true_winter.folder`", "`true_winter` in `test_sets`"]),
        (
            "data: {true_winter: {folder: w, class_names: [person]}}\ntest_sets: [true_winter]",
            ["`data.true_winter.map`", "class `person`", "(normal, fallen)", "or null"],
        ),
        (
            "data: {true_winter: {folder: w, map: {person: 3}}}\ntest_sets: [true_winter]",
            ["`data.true_winter.map.person`", "the name of a class, a list of several, or null"],
        ),
        (
            "data: {true_winter: {folder: w, train: 1, val: 1, class_names: [person], "
            "map: {person: [normal, fallen]}}}\ntraining_sets: {oracle: {true_winter: 1}}",
            ["`training_sets.oracle`", "class `person`", "normal and fallen"],
        ),
        (
            "data: {true_winter: {folder: w, train: 2}}\ntraining_sets: {oracle: {true_winter: 1}}",
            ["`data.true_winter.val`", "at least one video", "`training_sets.oracle`"],
        ),
        (
            "data: {true_winter: {folder: w, train: [a], val: [a, b]}}\ntest_sets: [true_winter]",
            ["`data.true_winter.val`", "video `a`", "`data.true_winter.train`"],
        ),
        ("data: {true_winter: winter}", ["`data.true_winter`", "'winter'", "keys indented under it"]),
        ("detector: {mixed: half}", ["`detector.mixed` is gone", "leave it out"]),
        (
            "detector: {mixed: union}",
            ["write `training_sets: {mixed: {original: 1, cyclegan: 1}}` instead"],
        ),
        (
            "detector: {mixed: 0.3}",
            ["write `training_sets: {mixed: {original: 0.7, cyclegan: 0.3}}` instead"],
        ),
        ("data: {vfp290k: null}", ["`splits`", "58 videos", "at most 20", "`demo.videos`"]),
        (
            "winterize: {epoch: 30}",
            ["`winterize.epoch`", "30", "multiple of `cyclegan.snapshot_every` (20)", "(200)"],
        ),
        ("winterize: {epoch: 220}", ["`winterize.epoch`", "220"]),
        (
            "winterize: {epoch: first}",
            ["`winterize.epoch`", "'first'", "`last` or `best` or an integer of at least 1"],
        ),
        ("winterize: {size: big}", ["`winterize.size`", "'big'", "`native` or an integer"]),
        ("detector: {seeds: []}", ["`detector.seeds`", "[]", "at least one"]),
        ("detector: {image_size: 7}", ["`detector.image_size`", "7", "a multiple of 32"]),
        ("detector: {image_size: 100}", ["`detector.image_size`", "100", "a multiple of 32"]),
        ("detector: {momentum: 1}", ["`detector.momentum`", "below 1"]),
        ("detector: {validate: 1}", ["`detector.validate`", "true or false"]),
    ],
)
def test_a_fault_is_named_with_what_would_be_right(text, expected):
    message = faults(text)
    assert "\n" not in message
    for part in expected:
        assert part in message


def test_all_faults_are_listed_at_once():
    message = faults("study: a b\nseed: -1\ncyclgan: 1\ndetector: {iou: 2}")
    assert message.startswith("4 faults")
    assert len(message.splitlines()) == 5


def test_a_config_that_is_no_mapping_is_refused():
    assert "section with keys" in faults("[1, 2]")
    assert "section with keys" in faults("")


def test_pretrained_generator_frees_the_training_keys():
    config = {"cyclegan": {"pretrained": "g.pth", "load_size": 256}, "winterize": {"epoch": 7}}
    assert complete_config(config, SCHEMA)["winterize"]["epoch"] == 7


def test_a_split_file_stands_for_the_lists_that_it_holds(tmp_path):
    lists = {"train": ["a", "b"], "val": ["c"], "test": ["d", "e"]}
    file = tmp_path / "benchmark.json"
    file.write_text(json.dumps({"day": lists, "one": {**lists, "train": ["a"]}}))
    splits = complete_config({"splits": {"train": 7, "file": str(file), "key": "day"}}, SCHEMA)["splits"]
    assert splits == {**lists, "file": str(file), "key": "day", "group": None}
    with pytest.raises(SnowdriftError) as caught:
        complete_config({"splits": {"file": str(file), "key": "one"}}, SCHEMA)
    assert "`splits.train`: one video; expected at least 2" in caught.value.message


def test_the_studys_sets_stay_and_others_come_after_them():
    more = {
        "quarter": {"original": 0.75, "cyclegan": 0.25},
        "gone": None,
        "mixed": {"original": 1, "cyclegan": 1},
    }
    complete = complete_config({"training_sets": more, "test_sets": []}, SCHEMA)
    assert complete["training_sets"] == {
        "original": {"original": 1},
        "winter": {"cyclegan": 1},
        "mixed": {"original": 1, "cyclegan": 1},
        "quarter": {"original": 0.75, "cyclegan": 0.25},
    }
    assert list(complete["training_sets"]) == ["original", "winter", "mixed", "quarter"]
    assert complete["test_sets"] == ["original", "winter"]


def test_both_versions_of_one_training_video_make_a_mixture():
    union = {"mixed": {"original": 1, "cyclegan": 1}}
    complete_config({"training_sets": union, "splits": {"train": 1}}, SCHEMA)


def test_what_shows_true_winter_is_left_out_if_there_is_none():
    sets = {"training_sets": {"oracle": {"true_winter": 1}}, "test_sets": ["true_winter"]}
    own = complete_config(sets, SCHEMA)
    assert "oracle" not in own["training_sets"] and "true_winter" not in own["test_sets"]
    rendered = complete_config(sets | {"data": {"vfp290k": None}, "demo": {"videos": 58}}, SCHEMA)
    assert rendered["training_sets"]["oracle"] == {"true_winter": 1}
    assert rendered["test_sets"] == ["original", "winter", "true_winter"]


def test_true_winter_has_every_layout_that_frames_have():
    layouts = {key: part for key, part in walk(SCHEMA) if key.endswith(".layout")}
    assert layouts["data.true_winter.layout"]["enum"] == layouts["data.layout"]["enum"]


def test_missing_paths_are_named_with_their_keys(tmp_path):
    config = complete_config(
        {
            "data": {
                "vfp290k": str(tmp_path / "absent"),
                "dawn": str(tmp_path),
                "chest_xray": "nowhere",
                "true_winter": {"folder": "snow"},
            },
            "test_sets": ["true_winter"],
            "cyclegan": {"pretrained": str(tmp_path)},
            "detector": {"pretrained": str(tmp_path / "w.pt")},
        },
        SCHEMA,
    )
    with pytest.raises(SnowdriftError) as caught:
        check_paths(config)
    message = caught.value.message
    assert re.search(r"`data.vfp290k`: .*absent: there is no such folder", message)
    assert "`data.true_winter.folder`: snow: there is no such folder" in message
    assert re.search(r"`cyclegan.pretrained`: .*: is not a file", message)
    assert re.search(r"`detector.pretrained`: .*w.pt: there is no such file", message)
    assert "data.dawn" not in message
    assert re.search(r"`data.chest_xray`: nowhere: there is no such folder", message)
    assert "mount the disk" in caught.value.hint


def test_snow_photographs_are_not_asked_for_where_a_generator_is_given(tmp_path):
    (tmp_path / "g.pth").touch()
    data = {"vfp290k": str(tmp_path), "dawn": "nowhere"}
    generator = {"pretrained": str(tmp_path / "g.pth")}
    check_paths(complete_config({"data": data, "cyclegan": generator, "chapters": []}, SCHEMA))


def test_what_a_chapter_reads_is_not_asked_for_without_it(tmp_path):
    data = {"vfp290k": str(tmp_path), "dawn": str(tmp_path), "chest_xray": "nowhere"}
    scores = {"inception_weights": "nothing.pth"}
    check_paths(complete_config({"data": data, "scores": scores, "chapters": []}, SCHEMA))
    with pytest.raises(SnowdriftError) as caught:
        check_paths(complete_config({"data": data, "scores": scores}, SCHEMA))
    assert "`data.chest_xray`: nowhere: there is no such folder" in caught.value.message
    assert "`scores.inception_weights`: nothing.pth: there is no such file" in caught.value.message
    assert "`chapters`" in caught.value.hint


def test_null_paths_pass():
    data = {"vfp290k": None, "dawn": None, "chest_xray": None}
    config = complete_config({"data": data, "demo": {"videos": 58}}, SCHEMA)
    check_paths(config)


def test_readme_is_fresh():
    assert (ROOT / "config/README.md").read_text() == readme(SCHEMA), (
        "config/README.md is stale; run `make docs`"
    )


def test_the_snakefile_can_import_it_without_heavy_libraries():
    heavy = "{'torch', 'pandas', 'numpy', 'PIL'}"
    code = f"import sys, snowdrift.settings.config; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "workflow/scripts")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("xray: {gan: {batch_size: 17}}", "`xray.gan.batch_size`: 17; expected at most the 12 of"),
        ("xray: {dcgan: {batch_size: 17}}", "`xray.dcgan.batch_size`: 17; expected at most"),
        ("xray: {vae: {validation: 0.01}}", "`xray.vae.validation`: 0.01; expected a fraction that takes some"),
        ("xray: {vae: {validation: 0.99}}", "`xray.vae.validation`: 0.99; expected a fraction"),
        ("scores: {neighbours: 4}", "`scores.neighbours`: 4; needs 5 X-rays in each set, and of `demo"),
        ("scores: {study_splits: 5}\nxray: {samples: 5}", "`scores.study_splits`: 5; needs 5 X-rays in each set"),
        ("xray: {held_out: 0.1}", "needs 4 X-rays in each set, and of `demo.xray_images` (16) 2 are held out"),
        ("xray: {held_out: 0.33}\ndemo: {xray_images: 14}", "`xray.held_out`: 0.33; takes 5 of"),
    ],
)  # fmt: skip
def test_more_x_rays_than_the_demo_renders_are_a_fault_of_the_plan(text: str, fault: str):
    tiny = yaml.safe_load((ROOT / "tests/workflow/tiny.yaml").read_text())
    changed = merge(tiny, yaml.safe_load(text))
    with pytest.raises(SnowdriftError) as caught:
        complete_config(changed, SCHEMA)
    assert fault in caught.value.message
    complete_config(changed | {"chapters": []}, SCHEMA)  # what no job asks for is no fault


def test_the_extractors_old_name_is_still_known_and_said_to_be_old(caplog):
    config = complete_config({"scores": {"extractors": ["inception", "domain"]}}, SCHEMA)
    assert config["scores"]["extractors"] == ["inception", "xray_classifier"]
    assert "`domain` is called `xray_classifier` now" in caplog.text


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("cyclegan: {epochs: %s}", "expected an integer of at least 1"),
        ("detector: {seeds: [%s]}", "expected an integer from 0 to 2147483647"),
        ("cyclegan: {lambda_cycle: %s}", "expected a number of at least 0"),
        ("winterize: {epoch: %s}", "expected `last` or `best` or an integer of at least 1"),
    ],
)
def test_a_number_that_no_library_can_hold_is_a_fault_of_the_plan(key: str, expected: str):
    for number in (2**63, 10**40, 10**400):
        assert expected in faults(key % number)


def test_a_file_in_another_encoding_is_named_with_the_right_one(tmp_path):
    for encoding in ("utf-16", "latin-1"):
        (tmp_path / "own.yaml").write_text("study: grün\n", encoding=encoding)
        with pytest.raises(SnowdriftError, match=r"own\.yaml: cannot be read as a config") as caught:
            read_config([tmp_path / "own.yaml"], SCHEMA)
        assert caught.value.hint == "save it as UTF-8"


def test_a_batch_of_more_pictures_than_the_demo_renders_is_a_fault_of_the_plan():
    tiny = yaml.safe_load(
        (ROOT / "tests/workflow/tiny.yaml").read_text()
    )  # 2 videos of 4 frames, 6 photographs
    cyclegan = {"frames": 20, "style_images": 20, "batch_size": 9}
    with pytest.raises(
        SnowdriftError, match=r"`cyclegan\.batch_size`: 9; expected at most 8, since `demo` renders"
    ):
        complete_config(merge(tiny, {"cyclegan": cyclegan}), SCHEMA)
    complete_config(merge(tiny, {"cyclegan": cyclegan | {"batch_size": 8}}), SCHEMA)
    complete_config(merge(tiny, {"cyclegan": cyclegan, "data": {"dawn": "photographs"}}), SCHEMA)


def test_a_batch_of_one_frame_at_the_smallest_size_is_a_fault_of_the_plan():
    fault = "`detector.batch_size`: {}; expected at least two for each GPU, since `detector.image_size` (32)"
    assert fault.format(1) in faults("detector: {image_size: 32, batch_size: 1}")
    assert fault.format(4) in faults("detector: {image_size: 32, batch_size: 4, gpus: 4}")
    for text in ("{image_size: 64, batch_size: 1}", "{image_size: 32, batch_size: 2}"):
        complete_config(yaml.safe_load(f"detector: {text}"), SCHEMA)


def test_a_generator_of_ones_own_brings_its_section_and_must_be_there():
    own = {"xray": {"models": ["pca"], "pca": {"latent_size": 3}}}
    assert complete_config(own, SCHEMA)["xray"]["pca"] == {"latent_size": 3}
    assert "`xray.pca`: no such section" in faults("xray: {models: [pca]}")
    assert "`xray.models`: glow; expected some of dcgan, dcgan_augmented, flow, gan, pca, vae" in faults(
        "xray: {models: [glow]}"
    )
    assert "unknown config key `xray.glow`" in faults("xray: {models: [gan], glow: {}}")


@pytest.mark.parametrize("path", sorted((ROOT / "config/examples").iterdir()), ids=lambda path: path.stem)
def test_examples_set_keys_that_exist_to_values_that_differ(path):
    study, example = read("config.yaml"), yaml.safe_load(path.read_text())
    complete = complete_config(merge(study, example), SCHEMA)
    assert complete["study"] == example.get("study", study["study"])
    for key, part in example.items():
        for name, value in part.items() if isinstance(part, dict) else ():
            assert study[key].get(name) != value, f"{key}.{name} repeats config.yaml"


def test_a_folder_that_is_away_is_never_to_be_replaced_by_rendered_data(tmp_path: Path):
    data = {"vfp290k": str(tmp_path / "unmounted"), "dawn": None, "chest_xray": None}
    config = complete_config({"data": data}, SCHEMA)
    with pytest.raises(SnowdriftError, match="unmounted: there is no such folder") as caught:
        check_paths(config)
    assert "mount the disk" in caught.value.hint and "null" not in caught.value.hint


def test_attacks_are_known_by_their_former_names_for_now_with_a_line_that_says_so(caplog):
    complete = complete_config({"attack": {"methods": ["published", "square"]}}, SCHEMA)
    assert complete["attack"]["methods"] == ["las_gsa_published", "square"]
    (line,) = (record.getMessage() for record in caplog.records)
    assert "`published` is called `las_gsa_published` now" in line
    assert "entry" in faults("attack: {methods: [default, las_gsa]}")  # one attack, twice
