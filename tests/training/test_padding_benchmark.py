import pytest

from core.training import padding_benchmark
from core.training.padding_benchmark import run


@pytest.mark.slow
@pytest.mark.parametrize(("bfloat16", "turns"), [(3.0, 1), (0.5, 2)])
def test_bfloat16_is_told_of_one_step_where_it_takes_longer(monkeypatch, bfloat16, turns):
    asked = []

    def seconds(model, optimizer, batches, low):
        asked.append(low)
        packed = any(module._forward_pre_hooks for module in model.modules())
        return (bfloat16 if low else 1.0) / (2 if packed else 1)

    monkeypatch.setattr(padding_benchmark, "_seconds", seconds)
    full, low = run(("grammar",), pairs=2, batches=1)
    assert asked.count(False) == 2 * (1 + 1 + 2)  # a trial, a turn to warm up, and the pairs
    assert asked.count(True) == (2 if turns == 1 else 2 * (1 + 1 + 2))
    assert (full["precision"], full["turns"]) == ("float32", 2)
    assert (low["precision"], low["turns"]) == ("bfloat16", turns)
    assert full["x"] == low["x"] == full["x float32"] == 2
    assert low["x float32"] == 2 / bfloat16
