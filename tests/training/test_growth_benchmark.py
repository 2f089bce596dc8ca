import math

import pytest

from core.errors import RunFailedError
from core.training import growth_benchmark
from core.training.growth_benchmark import WORK, run


@pytest.mark.slow
@pytest.mark.parametrize("work", WORK, ids=lambda work: f"{work.command} by {work.grows}")
def test_each_work_is_done_and_its_growth_told(monkeypatch, work):
    monkeypatch.setattr(growth_benchmark, "alone", lambda function, *arguments: function(*arguments))
    sizes = {"texts": (40, 80), "layers": (1, 2), "batch": (8, 16), "width": (16, 32)}[work.grows]
    call = work.call if work.grows == "texts" else growth_benchmark.partial(work.call, texts=40)
    small, large = run([work._replace(sizes=sizes, call=call)])
    assert (small["command"], small["grows"], small["size"], large["size"]) == (work.command, work.grows, *sizes)
    assert small["growth"] is None
    assert large["growth"] == pytest.approx(math.log(large["s"] / small["s"]) / math.log(2))


def test_a_process_that_the_system_ended_is_told(monkeypatch):
    monkeypatch.setattr(growth_benchmark, "alone", lambda function, *arguments: None)
    with pytest.raises(RunFailedError, match="inspect at 1,000 texts"):
        run(WORK[:1])
