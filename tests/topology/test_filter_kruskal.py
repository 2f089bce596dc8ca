import math
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import minimum_spanning_tree as by_scipy
from scipy.spatial.distance import pdist, squareform

from core import IsobarError, h0_barcode
from core.threads import blas_threads, one_blas_thread
from core.topology import host_tree, minimum_spanning_tree, prim
from core.topology.filter_kruskal import Plan, plan
from core.topology.filter_kruskal import minimum_spanning_tree as filter_kruskal
from tests.topology.clouds import EXPECTED, by_gudhi, distances, golden, is_spanning_tree, tree_of

pytestmark = pytest.mark.usefixtures("two_blas_threads")  # as many then search the tiles of a plan that names no number
SMALL = Plan(tile=16, sample=9, room=20, enough=25, threads=2)  # many tiles, some searched in parts, many trees
some = settings(max_examples=25, deadline=None, derandomize=True)
sizes = st.builds(
    lambda tile, sample, more, enough, threads: Plan(tile, sample, tile + more, enough, threads),
    st.integers(8, 40),
    st.integers(1, 2),
    st.integers(0, 30),
    st.integers(1, 200),
    st.integers(1, 3),
)
cloud = st.builds(
    lambda seed, n, d: np.random.default_rng(seed).normal(size=(n, d)),
    st.integers(0, 2**32),
    st.integers(2, 90),
    st.integers(1, 12),
)


def lengths_of(points, plan=SMALL):
    lengths, edges = filter_kruskal(points, 0, sizes=plan)
    assert is_spanning_tree(edges, len(points))
    assert (edges[:, 0] < edges[:, 1]).all()
    assert (np.diff(lengths) <= 0).all()
    return lengths


@pytest.mark.slow
@pytest.mark.parametrize("case", EXPECTED)
def test_golden_lengths(case):
    points, expected, _ = golden(case)
    tile = max(16, len(points) // 5)
    lengths = lengths_of(points, Plan(tile, min(len(points), 9), tile + 4, 100, 2))
    np.testing.assert_allclose(lengths, expected, rtol=1e-9, atol=0)


@pytest.mark.slow
@some
@given(cloud, sizes)
def test_lengths_are_gudhis_and_scipys(points, plan):
    lengths = lengths_of(points, plan)
    np.testing.assert_allclose(lengths, by_gudhi(points), rtol=1e-12)
    np.testing.assert_allclose(lengths, np.sort(by_scipy(squareform(pdist(points))).data)[::-1], rtol=1e-12)


@pytest.mark.slow
@some
@given(cloud, sizes, st.integers(0, 2**32))
def test_clusters_of_all_scales_in_both_precisions(points, plan, seed):
    rng = np.random.default_rng(seed)
    n, d = points.shape
    points = 10.0 ** rng.integers(-5, 1, (n, 1)) * points + 10.0 ** rng.integers(-2, 5) * rng.integers(0, 3, (n, d))
    for dtype in (np.float32, np.float64):
        cloud = points.astype(dtype)
        np.testing.assert_array_max_ulp(lengths_of(cloud, plan), prim.minimum_spanning_tree(cloud)[0], 4)


def test_a_tile_that_comes_home_full_goes_on_where_it_stopped():
    points = np.random.default_rng(0).normal(size=(300, 3))
    tight, wide = Plan(64, 1, 64, 1, 2), Plan(64, 1, 64 * 64, 10**6, 2)  # one row at a time; a whole tile
    np.testing.assert_array_equal(lengths_of(points, tight), lengths_of(points, wide))
    np.testing.assert_allclose(lengths_of(points, tight), prim.minimum_spanning_tree(points)[0], rtol=1e-14)


def test_of_equal_trees_always_the_same():
    lattice = np.stack(np.meshgrid(*[np.arange(9.0)] * 3), -1).reshape(-1, 3)
    trees = [filter_kruskal(lattice, 0, sizes=Plan(64, 20, 80, 100, threads))[1] for threads in (1, 2, 2, 3)]
    for tree in trees[1:]:
        np.testing.assert_array_equal(tree, trees[0])


# Degenerate clouds


def far_point(points):
    points[len(points) // 3] = 1e8
    return points


NORMAL = np.random.default_rng(5).normal(size=(150, 6))
HARD = {
    "all equal": np.full((150, 6), 3.7),
    "duplicates": NORMAL[np.arange(150) % 7],
    "duplicates among others": np.concatenate((NORMAL[:75], NORMAL[:3].repeat(25, 0))),
    "lattice": np.stack(np.meshgrid(*[np.arange(5.0)] * 3), -1).reshape(-1, 3),
    "simplex": np.eye(100),
    "binary": (NORMAL > 0).astype(float),
    "one point far away": far_point(NORMAL.copy()),
    "two far clusters": NORMAL * 1e-2 + 1e3 * (np.arange(150) % 2)[:, None],
    "tiny": NORMAL * 1e-30,
    "denormal": np.round(NORMAL * 100) * 2.0**-140,
    "large": NORMAL * 1e30,
    "a line": NORMAL[:, :1],
    "a plane": NORMAL[:, :2],
    "all scales": NORMAL * 10.0 ** np.linspace(-25, 10, 150)[:, None],
}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", HARD)
def test_hard_clouds(case, dtype):
    points = HARD[case].astype(dtype)
    expected = tree_of(distances(points))
    np.testing.assert_allclose(lengths_of(points), expected, rtol=1e-6 if dtype == np.float32 else 1e-14, atol=2e-45)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_tiny_clouds(n):
    points = np.eye(3, 4, dtype=np.float32)[:n]
    np.testing.assert_allclose(filter_kruskal(points, 2**30)[0], np.full(max(n - 1, 0), math.sqrt(2)), rtol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("n", [20_000])
def test_many_points_on_a_line(n):
    points = np.random.default_rng(0).random((n, 1))
    gaps = np.sort(np.diff(np.sort(points[:, 0])))[::-1]
    np.testing.assert_array_equal(minimum_spanning_tree(points)[0], gaps)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_bad_coordinates_are_named(bad):
    points = NORMAL.copy()
    points[77, 2] = bad
    with pytest.raises(IsobarError, match="Row 77 of the points holds a NaN or an infinity"):
        filter_kruskal(points, 2**30, sizes=SMALL)
    with pytest.raises(IsobarError, match="farther apart than float32"):
        filter_kruskal(np.array([[3e38], [-3e38]] * 40, np.float32), 2**30, sizes=SMALL)


# The rule, memory and progress


def test_the_rule_changes_nothing(monkeypatch):
    points = torch.from_numpy(NORMAL).requires_grad_()
    expected = h0_barcode(points)
    called = []
    monkeypatch.setattr(host_tree, "PRIM_TO", 100)
    found = h0_barcode(points, progress=lambda done, total: called.append((done, total)))
    torch.testing.assert_close(found.lengths, expected.lengths)
    torch.testing.assert_close(*(torch.autograd.grad(x.lengths.sum(), points)[0] for x in (found, expected)))
    assert called == [(1, 1)]
    padded = torch.stack((points.detach(), torch.full_like(points, math.nan)))
    mask = torch.tensor([[True] * 150, [False] * 150])
    torch.testing.assert_close(h0_barcode(padded, mask=mask).lengths[0], expected.lengths.detach())


def test_progress_counts_tiles_and_may_end_the_work():
    called = []
    filter_kruskal(NORMAL, 0, progress=lambda *counts: called.append(counts), sizes=SMALL)
    assert called == [(done, 55) for done in range(1, 56)]

    def stop(done, total):
        raise KeyboardInterrupt

    before = threading.active_count(), blas_threads()
    with pytest.raises(KeyboardInterrupt):
        filter_kruskal(NORMAL, 0, progress=stop, sizes=SMALL)
    assert (threading.active_count(), blas_threads()) == before


def test_threads_are_counted_while_they_are_held():
    free = blas_threads()
    assert free == 2
    with one_blas_thread():
        assert blas_threads() == free


def test_a_memory_limit_sets_the_tile_or_is_refused():
    tiles = [plan(50_000, 384, 4, limit).tile for limit in (2**30, 60 * 2**20, 50 * 2**20)]
    assert tiles == sorted(tiles, reverse=True)
    assert tiles[0] == 1024
    assert tiles[-1] < 1024
    with pytest.raises(IsobarError, match=r"50,000 points of 384 dimensions takes \d+ MiB .* limit is 10 MiB"):
        plan(50_000, 384, 4, 10 * 2**20)
    with pytest.raises(IsobarError, match="the memory limit is 1 MiB"):
        h0_barcode(torch.zeros(2, 600, 3), memory_limit=2**20)


_PEAK = """
import ctypes, sys, numpy as np
from core.topology import filter_kruskal as fk

def status(key):
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(key))

points = np.random.default_rng(0).normal(size=(int(sys.argv[1]), 16)).astype(np.float32)
limit = int(sys.argv[2])
fk.minimum_spanning_tree(points[:2000], limit)  # compiles; BLAS takes its buffers
getattr(ctypes.CDLL(None), "malloc_trim", id)(0)  # what was freed goes back to the system
open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew
before = status("VmRSS")
fk.minimum_spanning_tree(points, limit)
print(status("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_is_linear_and_within_the_limit(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")  # each thread has buffers of its own
    limit = 32 * 2**20
    peaks = [
        int(subprocess.run([sys.executable, "-c", _PEAK, str(n), str(limit)], check=True, capture_output=True).stdout)
        for n in (6_000, 24_000)
    ]
    assert max(peaks) <= limit
    assert peaks[1] - peaks[0] <= 18_000 * 600  # bytes for each point more; the matrix would take 2 GB more
