"""Section: what becomes of products that the model was never shown. Pure.

How sure a model is of a product is its highest product score (Hendrycks and Gimpel, "A Baseline for
Detecting Misclassified and Out-of-Distribution Examples", ICLR 2017). A known product that nothing
was found on has none, as has an unknown one that was rightly not seen.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from training.evaluate.bootstrap import Rows, Statistic
from training.evaluate.context import (
    ANSWERS_FROM,
    Context,
    LeftOut,
    number,
    told_interval,
    with_interval,
)
from training.evaluate.evaluation import Evaluation
from training.evaluate.matching import Truth
from training.evaluate.plots import Curve, curve_plot
from training.evaluate.section import Figure, Section, Table

KEY: Final = "open_set"
KNOWN_SHARE: Final = 0.95


@dataclass(frozen=True, eq=False)
class Sureness:
    """How sure the model is that each object is some product.

    Attributes:
        scores: float32 [K], the highest product score.
        prints: bool [K], a product is likelier than none of these.
        groups: The scene of each.
    """

    scores: NDArray[np.float32]
    prints: NDArray[np.bool_]
    groups: tuple[str, ...]


def section(context: Context) -> Section | LeftOut:
    """Sets unknown products against known ones; needs some of both."""
    evaluation, none = context.evaluation, context.classes.none_index
    known = _sureness(context, evaluation, kind="known")
    unknown = _sureness(context, evaluation, kind="unknown")
    if context.unknown is not None:
        more = _sureness(context, context.unknown, kind="unknown")
        unknown = Sureness(
            np.append(unknown.scores, more.scores),
            np.append(unknown.prints, more.prints),
            (*unknown.groups, *(f"unknown/{group}" for group in more.groups)),
        )
    trained = _sureness(context, evaluation, kind="none")
    if not len(unknown.scores) and not len(trained.scores):
        return LeftOut(
            "no unknown product is in the data: give some as --unknown DATASET, or data with "
            "classes that the model does not know"
        )
    if not len(known.scores):
        return LeftOut("no known product is in the data to set unknown ones against")
    numbers: dict[str, float | None] = {"known": float(len(known.scores))}
    rows = []
    curves = [Curve("by chance", ((0, 0), (1, 1)), is_faint=True)]
    told = []
    for prefix, name, others in (
        ("", "unknown products", unknown),
        ("none_", "none of these, as trained", trained),
    ):
        if not len(others.scores):
            continue
        area, false_share, points = _against(known.scores, others.scores)
        printed = others.prints & (others.scores >= context.threshold)
        share = float(printed.mean())
        answered = float((others.prints & (others.scores >= ANSWERS_FROM)).mean())
        interval = context.interval(*_area_statistic(known, others))
        numbers |= {
            **with_interval(f"{prefix}auroc", area, interval),
            f"{prefix}fpr_at_95": number(false_share),
            f"{prefix}printed_share": number(share),
            f"{prefix}answered_share": number(answered),
            f"{prefix}unknown" if not prefix else f"{prefix}objects": float(len(others.scores)),
        }
        rows.append(
            (
                name,
                len(others.scores),
                number(area),
                number(false_share),
                number(answered),
                number(share),
            )
        )
        curves.append(Curve(name, points))
        told.append(
            f"Of {len(others.scores)} {name}, a share of {share:.4f} would be printed as something "
            f"else, at {context.told_threshold()}."
        )
        told.append(told_interval(area, interval, f"AUROC, known against {name},"))
    if none is None:
        told.append("The model has no class that means none of these: only its scores can tell.")
    title = "Known products accepted, by unknown ones accepted"
    drawn = curve_plot(curves, title=title, x="unknown accepted", y="known accepted")
    header = (
        "set",
        "objects",
        "AUROC",
        f"accepted with {KNOWN_SHARE:.0%} of known",
        f"taken for one at {ANSWERS_FROM:g}",
        "printed",
    )
    return Section(
        KEY,
        "Products never shown",
        tuple(told),
        numbers,
        (Table("Against known products", header, rows),),
        (Figure(title, "image/svg+xml", drawn),),
    )


def _sureness(context: Context, evaluation: Evaluation, kind: str) -> Sureness:
    """Gathers objects: known products, unknown ones, or foreign ones of the class for that."""
    none = context.classes.none_index
    is_product = np.arange(len(context.names)) != (-1 if none is None else none)
    scores, groups = [], []
    for image, truth, seen in zip(
        evaluation.images, evaluation.truths, evaluation.seen, strict=True
    ):
        unknown = np.zeros(len(truth.labels), bool) if truth.unknown is None else truth.unknown
        is_none = (truth.labels == none) & ~unknown
        chosen = {
            "known": (truth.labels >= 0) & ~unknown & ~is_none,
            "unknown": unknown,
            "none": is_none,
        }[kind]
        given = seen.object_scores[chosen]
        if not len(truth.labels) and kind == _kind_of_whole(truth, none):
            given = seen.image_scores[np.newaxis]
        scores.append(given)
        groups += [image.scene] * len(given)
    table = np.concatenate(scores) if scores else np.zeros((0, len(context.names)), np.float32)
    best = np.where(is_product, table, -1).max(axis=1, initial=0)
    rest = np.where(is_product, -1, table).max(axis=1, initial=0)
    return Sureness(best.astype(np.float32), best > rest, tuple(groups))


def _kind_of_whole(truth: Truth, none: int | None) -> str:
    if truth.whole_is_unknown:
        return "unknown"
    if truth.whole is None:
        return ""
    return "none" if truth.whole == none else "known"


def _against(
    known: NDArray[np.float32], others: NDArray[np.float32]
) -> tuple[float, float, list[tuple[float, float]]]:
    """Returns AUROC, the share of others accepted where enough known ones are, and the curve."""
    truth = np.append(np.ones(len(known)), np.zeros(len(others)))
    scores = np.append(known, others)
    false_share, true_share, _ = roc_curve(truth, scores)
    at = int(np.searchsorted(true_share, KNOWN_SHARE))
    points = list(zip(false_share.tolist(), true_share.tolist(), strict=True))
    return float(roc_auc_score(truth, scores)), float(false_share[at]), points


def _area_statistic(known: Sureness, others: Sureness) -> tuple[Statistic, tuple[str, ...]]:
    """Returns AUROC of rows of objects, known ones first, and the group of each object."""
    length = len(known.scores) + len(others.scores)
    is_known = np.arange(length) < len(known.scores)
    _, place = np.unique(np.append(known.scores, others.scores), return_inverse=True)

    def area(rows: Rows) -> float:
        counts = np.bincount(rows, minlength=length).astype(np.float64)
        ours = np.bincount(place, weights=counts * is_known)
        theirs = np.bincount(place, weights=counts * ~is_known)
        pairs = float(ours.sum() * theirs.sum())
        below = np.cumsum(theirs) - theirs / 2
        return float(ours @ below) / pairs if pairs else float("nan")

    return area, (*known.groups, *others.groups)
