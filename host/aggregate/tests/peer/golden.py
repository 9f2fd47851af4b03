"""Golden values of the correlations' differences, the signed-rank test and the detectable gaps, by SciPy and baycomp.

    pip install scipy baycomp && python golden.py

Prints what `tests/statistics/peer.rs` holds.
"""

import baycomp
import numpy as np
from scipy import stats

SETS = ["Val", "ReaL", "V2", "R", "Sketch", "A"]
IMAGES = [50000, 50000, 10000, 30000, 50889, 7500]
NAMES = ["DINO", "Swav", "MoCo", "Barlow", "VicReg", "BYOL", "OBoW", "DeepC", "SimSiam", "SimCLR", "PCL", "SeLa"]
TABLE = np.array([
    [75.1, 81.4, 61.4, 18.9, 19.2, 2.3], [75.0, 81.3, 61.3, 18.7, 19.3, 2.4], [74.4, 81.3, 61.1, 24.4, 26.1, 1.8],
    [73.2, 80.0, 59.6, 20.2, 21.6, 1.5], [73.2, 79.7, 59.8, 20.0, 21.1, 1.6], [73.1, 80.1, 59.7, 20.6, 21.4, 1.6],
    [72.8, 79.4, 59.8, 18.9, 19.7, 3.3], [70.0, 77.5, 56.7, 19.0, 19.6, 1.4], [67.8, 74.8, 54.3, 17.9, 18.4, 1.2],
    [67.5, 74.7, 52.8, 15.1, 15.2, 1.1], [66.8, 74.2, 53.3, 18.0, 19.0, 1.3], [66.5, 74.0, 53.4, 16.8, 17.4, 1.2],
])


def zou(near, far, spearman):
    """Difference of the correlations of two sets with Val, and its interval (Zou 2007, section on shared variables)."""
    function = stats.spearmanr if spearman else stats.pearsonr
    r = lambda a, b: function(TABLE[:, SETS.index(a)], TABLE[:, SETS.index(b)])[0]
    first, second, between = r("Val", near), r("Val", far), r(near, far)

    def ends(value):
        error = np.sqrt((1 + value**2 / 2 if spearman else 1) / (len(NAMES) - 3))
        return np.tanh(np.arctanh(value) + np.array([-1, 1]) * stats.norm.ppf(0.975) * error)

    (low1, high1), (low2, high2) = ends(first), ends(second)
    c = (between - first * second / 2) * (1 - first**2 - second**2 - between**2) + between**3
    c /= (1 - first**2) * (1 - second**2)
    root = lambda a, b: np.sqrt(a * a + b * b - 2 * c * a * b)
    difference = first - second
    return difference, difference - root(first - low1, high2 - second), difference + root(high1 - first, second - low2)


for near in ["ReaL", "V2"]:
    for far in ["R", "Sketch", "A"]:
        for spearman in [False, True]:
            print(near, far, "spearman" if spearman else "pearson", *("%.10f" % it for it in zou(near, far, spearman)))

np.random.seed(1)
first = TABLE[NAMES.index("MoCo")]
for rival in ["DINO", "Barlow", "DeepC", "SeLa"]:
    found = baycomp.SignedRankTest.probs(first, TABLE[NAMES.index(rival)], rope=1, nsamples=1_000_000)
    print("MoCo", rival, *("%.3f" % it for it in found))

for name, images, column in zip(SETS, IMAGES, TABLE.T):
    shares = column / 100
    pairs = [(a + b) / 2 for i, a in enumerate(shares) for b in shares[i + 1:]]
    errors = [100 * np.sqrt(2 * p * (1 - p) / images) for p in pairs]
    print(name, "%.6f" % (np.median(errors) * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8))))
