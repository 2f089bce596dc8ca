"""What each bar joins: the components that meet at its end, of single-linkage clustering read from the barcode."""

from dataclasses import dataclass

from core.geometry.classes import ClassShape


@dataclass(frozen=True)
class Merge:
    """Two components of one class that become one.

    Attributes:
        rank: of the bar, from 1, the longest.  length: at which distance they meet.  feature: whether the bar is one.
        rows: (i, j), the rows of the whole cloud that are that far apart, one of each component.
        sizes: how many points the component of i and that of j have.
        fewer: the rows of the smaller component, in order; of that of i where both are as large.
    """

    rank: int
    length: float
    feature: bool
    rows: tuple[int, int]
    sizes: tuple[int, int]
    fewer: tuple[int, ...]


def merges(shape: ClassShape) -> list[Merge]:
    """Return the merge at the end of each bar of `shape`, longest bar first; a class of one point has none.

    Of bars of equal length the one of the higher rank is taken first.

    Source: Gower, Ross, "Minimum spanning trees and single linkage cluster analysis", Applied Statistics 18, 1969.
    """
    component = {int(row): [int(row)] for row in set(shape.edges.ravel().tolist())}
    found = []
    for index in range(len(shape.lengths) - 1, -1, -1):
        i, j = (int(row) for row in shape.edges[index])
        a, b = component[i], component[j]
        sizes, fewer = (len(a), len(b)), tuple(sorted(a if len(a) <= len(b) else b))
        large, small = (a, b) if len(a) > len(b) else (b, a)
        large.extend(small)  # small into large, so that each row moves at most log2 n times
        for row in small:
            component[row] = large
        found.append(Merge(index + 1, float(shape.lengths[index]), bool(shape.features[index]), (i, j), sizes, fewer))
    return found[::-1]
