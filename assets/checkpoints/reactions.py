"""Prints a table of chemical reactions as SMILES, of six kinds, put together from building blocks at random.

`python assets/checkpoints/reactions.py > reactions.csv`: 900 rows of ``reaction`` and ``kind``. The formulas are valid and
the reactions are textbook ones; that each pair of blocks would react in a flask is not claimed.
"""

import csv
import random
import sys

PER_KIND = 150
ARYLS = [
    "c1ccccc1", "c1ccc(F)cc1", "c1ccc(Cl)cc1", "c1ccc(C)cc1", "c1ccc(OC)cc1", "c1cccc(F)c1", "c1cccc(C(F)(F)F)c1",
    "c1ccncc1", "c1cccnc1", "c1ccsc1", "c1ccc2ccccc2c1", "c1ccc(C#N)cc1", "c1ccc(C(C)(C)C)cc1", "c1cc(C)cc(C)c1", "c1ccc(-c2ccccc2)cc1",
]  # fmt: skip
ALKYLS = [
    "C",
    "CC",
    "CCC",
    "C(C)C",
    "CC(C)C",
    "CCCC",
    "C1CCCC1",
    "C1CCCCC1",
    "Cc1ccccc1",
    "CCOC",
    "CC1CC1",
    "CCc1ccccc1",
]
AMINES = [
    "N1CCOCC1",
    "N1CCCCC1",
    "N1CCN(C)CC1",
    "N1CCCC1",
    "NCc1ccccc1",
    "NC1CC1",
    "NCCOC",
    "NC1CCCCC1",
    "Nc1ccccc1",
    "N(C)C",
    "NCC(C)C",
]


def reactions(seed: int = 0) -> list[tuple[str, str]]:
    """Return (reaction, kind) pairs, `PER_KIND` different ones of each kind, in random order."""
    draw = random.Random(seed)
    kinds = {
        "amide coupling": lambda a, r, n, b: f"O=C(O){a}.{n}>>O=C({a}){n}",
        "ester hydrolysis": lambda a, r, n, b: f"{r}OC(=O){a}.O>>O=C(O){a}",
        "ether synthesis": lambda a, r, n, b: f"O{a}.Br{r}>>{r}O{a}",
        "Boc deprotection": lambda a, r, n, b: f"CC(C)(C)OC(=O)N({r}){a}.Cl>>{r}N{a}",
        "nitro reduction": lambda a, r, n, b: (
            f"O=[N+]([O-])c1ccc({_within(r)})c({_within(a, 5)})c1>>Nc1ccc({_within(r)})c({_within(a, 5)})c1"
        ),
        "Suzuki coupling": lambda a, r, n, b: (
            f"OB(O){a}.Brc1ccc({_within(r)})c({_within(b, 5)})c1>>c1(-{_within(a, 7)})ccc({_within(r)})c({_within(b, 5)})c1"
        ),
    }
    rows = []
    for kind, write in kinds.items():
        found: dict[str, None] = {}
        while len(found) < PER_KIND:
            found[write(draw.choice(ARYLS), draw.choice(ALKYLS), draw.choice(AMINES), draw.choice(ALKYLS))] = None
        rows += [(reaction, kind) for reaction in found]
    draw.shuffle(rows)
    return rows


def _within(block: str, first: int = 3) -> str:
    """Return `block` with its rings numbered from `first`, so that it can stand within another ring."""
    return block.translate({ord("1"): str(first), ord("2"): str(first + 1)})


if __name__ == "__main__":
    table = csv.writer(sys.stdout)
    table.writerow(("reaction", "kind"))
    table.writerows(reactions())
