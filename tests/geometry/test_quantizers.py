import numpy as np
import pytest

from core.errors import IsobarError
from core.geometry import MEASURES, measure, quantizer_lloyd, quantizer_patchiness
from core.geometry import report as module

NAMES = ("patchiness_additive", "patchiness_product", "lloyd_additive", "lloyd_product")
KINDS = ("additive", "product")


@pytest.fixture
def faiss():
    return pytest.importorskip("faiss", reason="faiss-cpu is not installed; the extra `published` brings it")


def gaussian(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_too_few_or_equal_points_are_undefined(faiss, kind):
    for x in (gaussian(255, 4), np.full((300, 4), 0.1)):
        assert np.isnan([quantizer_patchiness(x, kind), quantizer_lloyd(x, kind)]).all()
    assert np.isfinite(quantizer_patchiness(gaussian(256, 4), kind))


@pytest.mark.slow
def test_a_product_quantizer_needs_four_equal_parts(faiss):
    for d in (1, 2, 6):
        assert np.isnan(quantizer_patchiness(gaussian(300, d), "product"))
    assert np.isfinite(quantizer_patchiness(gaussian(300, 1), "additive"))


def test_a_point_for_each_code_of_a_product_quantizer(faiss):
    # 256 points, each its own center in each part: all counts are 1, V is 0 and m is 4
    assert quantizer_patchiness(gaussian(256, 8), "product") == pytest.approx(1 - 1 / 4)
    assert quantizer_lloyd(gaussian(256, 8), "product") == pytest.approx(1 - 1)


@pytest.mark.slow
def test_the_excess_of_the_published_formula_is_a_sixteenth(faiss):
    x = gaussian(1000, 8) * (1 + 9 * (np.arange(1000) % 7 == 0))[:, None]
    published, lloyd = quantizer_patchiness(x, "product") - 1, quantizer_lloyd(x, "product") - 1
    # V / m_p^2 - 1 / m_p with m_p = 4 m: the same V, since each codebook counts all points
    n = 1000 / 256
    assert published == pytest.approx(lloyd / 16 + (1 / 16 - 1 / 4) / n, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_repeatable_and_leaves_threads_as_they_were(faiss, kind):
    x, before = gaussian(400, 8), faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(2)
    try:
        assert quantizer_patchiness(x, kind) == quantizer_patchiness(x.copy(), kind)
        assert faiss.omp_get_max_threads() == 2
    finally:
        faiss.omp_set_num_threads(before)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_extreme_numbers(faiss, scale):
    x = gaussian(300, 4)
    assert np.isfinite(quantizer_patchiness(scale * x, "product"))


def test_two_measures_share_one_quantizer(faiss, monkeypatch):
    from core.geometry.measures import quantizers

    made, plain = [], quantizers._trained_counts
    monkeypatch.setattr(quantizers, "_trained_counts", lambda *of: (made.append(of[1]), plain(*of))[1])
    measure(gaussian(256, 4), ["patchiness_product", "lloyd_product"])
    assert made == ["product"]


def test_without_faiss_a_sentence_by_name_and_a_note_for_all(monkeypatch):
    plain = module.find_spec
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "faiss" else plain(name))
    for name in NAMES:
        with pytest.raises(
            IsobarError, match=rf"^The measure {name} can't be taken here.*isobar-explorer\[published\]"
        ):
            measure(gaussian(20, 4), name)
    with pytest.warns(UserWarning, match="Left out: patchiness_additive, .*lloyd_product"):
        found = measure(gaussian(20, 4), "all")
    assert set(found) == {name for name, about in MEASURES.items() if not about.package and not about.of_labels}
