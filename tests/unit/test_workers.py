"""Threads side by side, and what they make in order."""

import threading
import time

import pytest
import torch

from snowdrift.runtime.workers import map_ahead, one_core_threads


def test_every_thread_computes_on_one_core_and_the_former_number_comes_back(monkeypatch: pytest.MonkeyPatch):
    numbers = [5]
    monkeypatch.setattr(torch, "get_num_threads", lambda: numbers[-1])
    monkeypatch.setattr(torch, "set_num_threads", numbers.append)
    with one_core_threads(3) as pool:
        assert numbers == [5, 1, 1, 1, 1]
        meeting = threading.Barrier(3, timeout=10)  # met only if all three are at work at once
        assert len(set(pool.map(lambda _: meeting.wait(), range(3)))) == 3
    assert numbers[-1] == 5


def test_results_come_in_order_and_no_more_is_taken_than_asked_for():
    taken, asked = [], 0

    def items():
        for item in range(12):
            taken.append(item)
            assert item - asked < 4
            yield item

    def square(item: int) -> int:
        time.sleep(0.01 * (item % 3))
        return item**2

    with one_core_threads(3) as pool:
        for number, result in enumerate(map_ahead(pool, square, items(), 4)):
            assert result == number**2
            asked += 1
    assert asked == len(taken) == 12


def test_a_stage_works_on_the_next_item_while_the_last_is_in_the_one_behind_it():
    begun = [threading.Event() for _ in range(5)]

    def first(item: int) -> int:
        begun[item].set()
        return item

    def second(item: int) -> bool:
        return item == 4 or begun[item + 1].wait(timeout=10)

    with one_core_threads(2) as pool:
        assert all(map_ahead(pool, second, map_ahead(pool, first, range(5), 2), 1))


def test_a_failure_is_raised_in_its_turn_and_what_waits_behind_it_is_dropped():
    started = []

    def fail(item: int) -> int:
        started.append(item)
        time.sleep(0.05)
        if item == 2:
            raise KeyError(item)
        return item

    results = []
    with pytest.raises(KeyError), one_core_threads(1) as pool:
        results.extend(map_ahead(pool, fail, range(9), 6))
    assert started[:3] == [0, 1, 2] and len(started) < 9


@pytest.fixture(autouse=True)
def one_thread():
    """As `conftest.py` has set it, whatever fails here."""
    yield
    torch.set_num_threads(1)
