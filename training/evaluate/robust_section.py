"""What a model's robustness comes to: sentences, numbers, a heat table and curves. Pure."""

from training.evaluate.robust_corruptions import CORRUPTIONS, STRENGTHS, Corruption
from training.evaluate.robust_figures import curves_svg, heat_svg, merit_words
from training.evaluate.robust_measure import Robustness
from training.evaluate.section import Figure, Section, Table

BROKEN_SHARE = 0.8
"""A model is taken for broken where it keeps less than this share of what it reaches."""


def robustness_section(measured: Robustness) -> Section:
    """Tells how a model stands pictures that get worse."""
    clean, words, key = measured.clean.merit, merit_words(measured), _key(measured)
    relative = measured.mean_merit / clean if clean > 0 else None
    numbers: dict[str, float | None] = {"images": float(measured.images)}
    if not measured.is_whole:
        numbers["objects"] = float(measured.objects)
    numbers |= {
        "clean_top1": measured.clean.top1,
        "mean_top1": measured.mean_top1,
        f"clean_{key}": clean,
        f"mean_{key}": measured.mean_merit,
        f"relative_{key}": relative,
    }
    for name, row in measured.scores.items():
        numbers[f"{name}_{key}"] = sum(score.merit for score in row) / len(row)
    told = [_first_broken(measured)]
    if relative is not None:
        told.append(
            f"Over ten corruptions of five strengths each it keeps {relative:.0%} of its {words}: "
            f"{measured.mean_merit:.3f} of {clean:.3f}."
        )
    of_objects = "" if measured.is_whole else f" with {measured.objects} objects"
    told.append(f"Measured on {measured.images} images{of_objects}.")
    return Section(
        key="robustness",
        title="Robustness",
        told=tuple(told),
        numbers=numbers,
        tables=(_table(measured),),
        figures=(
            Figure(
                f"{words} by corruption and strength", "image/svg+xml", heat_svg(measured).encode()
            ),
            Figure(f"{words} over strength", "image/svg+xml", curves_svg(measured).encode()),
        ),
    )


def _key(measured: Robustness) -> str:
    return "top1" if measured.is_whole else "ap50"


def _first_broken(measured: Robustness) -> str:
    clean, words = measured.clean.merit, merit_words(measured)
    if clean <= 0:
        return "It finds nothing in the pictures as they are: there is nothing to break."
    broken: list[tuple[int, float, Corruption]] = []
    for corruption in CORRUPTIONS:
        for strength, score in zip(STRENGTHS, measured.scores[corruption.name], strict=True):
            if score.merit < BROKEN_SHARE * clean:
                broken.append((strength, score.merit, corruption))
                break
    if not broken:
        return (
            f"No corruption takes more than {1 - BROKEN_SHARE:.0%} of its {words}, at any strength."
        )
    strength, merit, corruption = min(broken, key=lambda each: each[:2])
    return (
        f"{corruption.title} breaks it first: at strength {strength} of {STRENGTHS[-1]} "
        f"({corruption.told(strength)}) {words} falls from {clean:.3f} to {merit:.3f}."
    )


def _table(measured: Robustness) -> Table:
    precisions = () if measured.is_whole else tuple(f"AP50 at {s}" for s in STRENGTHS)
    return Table(
        f"{'Top-1' if measured.is_whole else 'AP50 and top-1'} by corruption and strength",
        ("corruption", *precisions, *(f"top-1 at {s}" for s in STRENGTHS)),
        tuple(
            (
                f"{corruption.title} ({', '.join(f'{a:g}' for a in corruption.amounts)} "
                f"{corruption.unit})",
                *(
                    round(score.ap50, 4)
                    for score in measured.scores[corruption.name]
                    if score.ap50 is not None
                ),
                *(round(score.top1, 4) for score in measured.scores[corruption.name]),
            )
            for corruption in CORRUPTIONS
        ),
    )
