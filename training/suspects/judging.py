"""Judges labels by models that have not seen them, and tells what is unlike everything else. Pure.

A linear model on the features of the crop, and on what else is said to be in its image: on shelves
neighbours are often alike, and where they are not the model learns that they tell nothing. Arrays
are as in `confident`; features are float [N, D].
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

FOLDS: Final = 4
COMPONENTS: Final = 384
NEIGHBOURS: Final = 10
_INVERSE_PENALTY: Final = 0.5
_ITERATIONS: Final = 80
_COMPANION_WEIGHT: Final = 3.0
_MOST_FITTED: Final = 20_000
OUTLIER_SPREADS: Final = 6.0


def compact(features: NDArray[np.float16]) -> NDArray[np.float32]:
    """Returns float32 [N, at most 384]: square roots at unit length, turned to their main axes.

    Square roots, since the features count how often something is seen and a few dominate
    (Hellinger's distance; Arandjelovic and Zisserman, CVPR 2012).
    """
    rooted = normalize(np.sqrt(np.maximum(features.astype(np.float32), 0)))
    components = min(COMPONENTS, *rooted.shape)
    axes = PCA(components, svd_solver="randomized", random_state=0)
    axes.fit(rooted[:: max(1, len(rooted) // _MOST_FITTED)])
    turned = axes.transform(rooted)
    return np.asarray(turned / max(float(turned[:, 0].std()), 1e-6), np.float32)


def companions(
    images: NDArray[np.int64], given: NDArray[np.int64], classes: int
) -> NDArray[np.float32]:
    """Returns float32 [N, C + 1]: the share of each class among the others of the same image.

    The last column tells whether there are others.

    Args:
        images: int64 [N], the image of each sample, from 0.
        given: int64 [N], labels.
        classes: How many classes there are.
    """
    own = np.eye(classes, dtype=np.float32)[given]
    in_image = np.zeros((int(images.max(initial=-1)) + 1, classes), np.float32)
    np.add.at(in_image, images, own)
    others = in_image[images] - own
    count = others.sum(1, keepdims=True)
    return np.hstack([others / np.maximum(count, 1), (count > 0).astype(np.float32)])


def out_of_fold(
    samples: NDArray[np.float32],
    given: NDArray[np.int64],
    groups: NDArray[np.int64],
    classes: int,
) -> NDArray[np.float64] | None:
    """Returns float64 [N, C]: probabilities of each sample by a model trained without its group.

    None where there is too little to learn from: two classes in two groups at least.

    Args:
        samples: float32 [N, D].
        given: int64 [N].
        groups: int64 [N]: what is alike and must not be on both sides, such as images of one scene.
        classes: How many classes there are.
    """
    folds = min(FOLDS, len(np.unique(groups)))
    if folds < 2 or len(np.unique(given)) < 2:
        return None
    probabilities = np.zeros((len(given), classes))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    for train, test in splitter.split(samples, given, groups):
        present = np.unique(given[train])
        if len(present) < 2:
            return None
        model = LogisticRegression(C=_INVERSE_PENALTY, max_iter=_ITERATIONS, tol=1e-3)
        model.fit(samples[train], given[train])
        probabilities[np.ix_(test, present)] = model.predict_proba(samples[test])
    return probabilities


def with_companions(
    samples: NDArray[np.float32], images: NDArray[np.int64], given: NDArray[np.int64], classes: int
) -> NDArray[np.float32]:
    """Returns samples with what else is in their image, [N, D + C + 1]."""
    return np.hstack([samples, _COMPANION_WEIGHT * companions(images, given, classes)])


def strangeness(samples: NDArray[np.float32], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns float64 [N]: how far each is from its nearest neighbours of other groups.

    In robust spreads above the median; beyond `OUTLIER_SPREADS` it is unlike everything else.
    """
    neighbours = min(4 * NEIGHBOURS, len(samples))
    index = NearestNeighbors(n_neighbors=neighbours).fit(samples)
    distances, others = index.kneighbors(samples)
    foreign = np.where(groups[others] != groups[:, None], distances, np.nan)
    ordered = np.sort(foreign, axis=1)[:, :NEIGHBOURS]  # what is not there comes last
    known = ~np.isnan(ordered).all(1)
    far = np.zeros(len(samples))
    if not known.any():
        return far
    far[known] = np.nanmean(ordered[known], axis=1)
    middle = float(np.median(far[known]))
    spread = 1.4826 * float(np.median(np.abs(far[known] - middle)))
    return np.where(known, (far - middle) / max(spread, 1e-6), 0.0)
