"""Prints a table of antibody chains as amino acids: frameworks of the human germline, with random loops between them.

`python assets/checkpoints/antibodies.py > antibodies.csv`: 800 rows of ``sequence`` and ``chain``. The loops are drawn
residue by residue, so these are shapes of antibodies and no real ones.
"""

import csv
import random
import sys

PER_CHAIN = 200
LOOP = "GSYDTNARWFVLPEKIQHM"
OFTEN = (12, 12, 12, 8, 7, 6, 6, 5, 4, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1)
FRAMEWORKS = {
    "heavy VH3": (("EVQLVESGGGLVQPGGSLRLSCAAS", "WVRQAPGKGLEWV", "RFTISRDNAKNSLYLQMNSLRAEDTAVYYC", "WGQGTLVTVSS"), (8, 17, 13)),
    "heavy VH1": (("QVQLVQSGAEVKKPGASVKVSCKAS", "WVRQAPGQGLEWM", "RVTMTRDTSISTAYMELSRLRSDDTAVYYC", "WGQGTTVTVSS"), (8, 17, 13)),
    "kappa VK1": (("DIQMTQSPSSLSASVGDRVTITC", "WYQQKPGKAPKLLIY", "GVPSRFSGSGSGTDFTLTISSLQPEDFATYYC", "FGQGTKVEIK"), (11, 7, 9)),
    "lambda VL2": (("QSALTQPASVSGSPGQSITISC", "WYQQHPGKAPKLMIY", "GVSNRFSGSKSGNTASLTISGLQAEDEADYYC", "FGGGTKLTVL"), (14, 7, 10)),
}  # fmt: skip


def antibodies(seed: int = 0) -> list[tuple[str, str]]:
    """Return (sequence, chain) pairs, `PER_CHAIN` of each, in random order."""
    draw = random.Random(seed)
    rows = []
    for chain, (frames, lengths) in FRAMEWORKS.items():
        for _ in range(PER_CHAIN):
            loops = ["".join(draw.choices(LOOP, OFTEN, k=length + draw.randint(-2, 2))) for length in lengths]
            rows.append(("".join(frame + loop for frame, loop in zip(frames, [*loops, ""], strict=True)), chain))
    draw.shuffle(rows)
    return rows


if __name__ == "__main__":
    table = csv.writer(sys.stdout)
    table.writerow(("sequence", "chain"))
    table.writerows(antibodies())
