"""What the classes of true winter mean in the study."""

import pytest

from snowdrift.data.class_maps import class_ids, map_faults, merged_classes, told_apart

STUDY = ["normal", "fallen", "dog"]


@pytest.mark.parametrize(
    ("own", "meanings", "ids", "names", "counted_as"),
    [
        (STUDY, {}, [0, 1, 2], STUDY, [0, 1, 2]),
        (["lying", "car"], {"lying": "fallen", "car": None}, [1, -1], STUDY, [0, 1, 2]),
        (["person"], {"person": ["normal", "fallen"]}, [0], ["person", "dog"], [0, 0, 1]),
        (
            ["pet", "beast"],
            {"pet": None, "beast": ["dog", "fallen"]},
            [-1, 2],
            ["normal", "beast"],
            [0, 1, 1],
        ),
        (["normal"], {"normal": ["normal", "fallen"]}, [0], ["normal", "dog"], [0, 0, 1]),
    ],
)
def test_a_class_means_one_or_several_or_none(own, meanings, ids, names, counted_as):
    assert not [*map_faults(own, meanings, STUDY)]
    assert class_ids(own, meanings, STUDY) == ids
    assert told_apart(STUDY, merged_classes(meanings)) == (names, counted_as)


@pytest.mark.parametrize(
    ("own", "meanings", "fault"),
    [
        (["person"], {}, "class `person` is none of the study's"),
        (["person"], {"person": ["normal", "lying"]}, "class `lying` is none of the study's"),
        (
            ["person"],
            {"persn": ["normal", "fallen"], "person": "normal"},
            "class `persn` is none of true winter's",
        ),
        (
            ["person", "fallen"],
            {"person": ["normal", "fallen"]},
            "class `fallen` is one of those of `person`, and `fallen`",
        ),
        (
            ["a", "b"],
            {"a": ["normal", "fallen"], "b": ["fallen", "dog"]},
            "class `fallen` is one of those of `a`, and `b`",
        ),
        (["dog"], {"dog": ["normal", "fallen"]}, "the study has a class `dog` besides"),
    ],
)
def test_what_a_map_leaves_open_is_named(own, meanings, fault):
    assert any(fault in each for each in map_faults(own, meanings, STUDY))
