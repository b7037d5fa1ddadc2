"""What a model's robustness comes to: sentences, numbers, a heat table and curves. Pure."""

from training.evaluate.robust_corruptions import CORRUPTIONS, STRENGTHS, Corruption
from training.evaluate.robust_figures import curves_svg, heat_svg
from training.evaluate.robust_measure import Robustness
from training.evaluate.section import Figure, Section, Table

BROKEN_SHARE = 0.8
"""A model is taken for broken where it keeps less than this share of its AP50."""


def robustness_section(measured: Robustness) -> Section:
    """Tells how a model stands pictures that get worse."""
    clean = measured.clean
    relative = measured.mean_ap50 / clean.ap50 if clean.ap50 > 0 else None
    numbers: dict[str, float | None] = {
        "images": float(measured.images),
        "objects": float(measured.objects),
        "clean_ap50": clean.ap50,
        "clean_top1": clean.top1,
        "mean_ap50": measured.mean_ap50,
        "mean_top1": measured.mean_top1,
        "relative_ap50": relative,
    }
    for name, row in measured.scores.items():
        numbers[f"{name}_ap50"] = sum(score.ap50 for score in row) / len(row)
    told = [_first_broken(measured)]
    if relative is not None:
        told.append(
            f"Over ten corruptions of five strengths each it keeps {relative:.0%} of its AP50: "
            f"{measured.mean_ap50:.3f} of {clean.ap50:.3f}."
        )
    told.append(f"Measured on {measured.images} images with {measured.objects} objects.")
    return Section(
        key="robustness",
        title="Robustness",
        told=tuple(told),
        numbers=numbers,
        tables=(_table(measured),),
        figures=(
            Figure("AP50 by corruption and strength", "image/svg+xml", heat_svg(measured).encode()),
            Figure("AP50 over strength", "image/svg+xml", curves_svg(measured).encode()),
        ),
    )


def _first_broken(measured: Robustness) -> str:
    clean = measured.clean.ap50
    if clean <= 0:
        return "It finds nothing in the pictures as they are: there is nothing to break."
    broken: list[tuple[int, float, Corruption]] = []
    for corruption in CORRUPTIONS:
        for strength, score in zip(STRENGTHS, measured.scores[corruption.name], strict=True):
            if score.ap50 < BROKEN_SHARE * clean:
                broken.append((strength, score.ap50, corruption))
                break
    if not broken:
        return f"No corruption takes more than {1 - BROKEN_SHARE:.0%} of its AP50, at any strength."
    strength, ap50, corruption = min(broken, key=lambda each: each[:2])
    return (
        f"{corruption.title} breaks it first: at strength {strength} of {STRENGTHS[-1]} "
        f"({corruption.told(strength)}) AP50 falls from {clean:.3f} to {ap50:.3f}."
    )


def _table(measured: Robustness) -> Table:
    return Table(
        "AP50 and top-1 by corruption and strength",
        ("corruption", *(f"AP50 at {s}" for s in STRENGTHS), *(f"top-1 at {s}" for s in STRENGTHS)),
        tuple(
            (
                f"{corruption.title} ({', '.join(f'{a:g}' for a in corruption.amounts)} "
                f"{corruption.unit})",
                *(round(score.ap50, 4) for score in measured.scores[corruption.name]),
                *(round(score.top1, 4) for score in measured.scores[corruption.name]),
            )
            for corruption in CORRUPTIONS
        ),
    )
