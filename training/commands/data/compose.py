"""`beltmark-train data compose`: a detection set from pictures of single products."""

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from beltmark.command import between, limit_pictures, whole
from beltmark.contract.errors import InputError
from training.commands.data.wording import plain
from training.progress import by_steps

if TYPE_CHECKING:
    from training.compose.composing import Outcome

BLENDS = ("hard", "soft", "feathered", "poisson")


def add(words: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the word."""
    made = words.add_parser(
        "compose", help="cut products out of their pictures and lay them on belts, with boxes"
    )
    made.add_argument("products", type=Path, help="dataset with one product per picture")
    made.add_argument("--scenes", nargs="+", default=(), help="only these scenes of it")
    made.add_argument("--classes", nargs="+", default=(), help="only these classes of it")
    made.add_argument(
        "--backgrounds",
        nargs="+",
        default=("simulated",),
        metavar="FOLDER|simulated|drawn",
        help="folders with pictures of the empty belt, rendered belts, or plain surfaces",
    )
    made.add_argument("--images", type=whole(1, 1_000_000), required=True)
    made.add_argument("--seed", type=whole(0, 2**63), required=True)
    made.add_argument("--out", type=Path, required=True, help="folder to write")
    made.add_argument("--width", type=whole(64, 4096), default=480, help="in pixels")
    made.add_argument("--height", type=whole(64, 4096), default=320, help="in pixels")
    made.add_argument(
        "--size",
        nargs=2,
        type=between(0.02, 0.95),
        default=(0.1, 0.35),
        metavar=("LOW", "HIGH"),
        help="longer side of a product, as a share of the picture's width",
    )
    made.add_argument("--catalogue", type=Path, help="CSV with length_mm and width_mm of products")
    made.add_argument(
        "--scale-mm",
        nargs=2,
        type=between(10, 100_000),
        metavar=("LOW", "HIGH"),
        help="how many mm of the belt the picture's width shows",
    )
    made.add_argument("--most-items", type=whole(1, 40), default=7)
    made.add_argument("--crowded", type=between(0, 1), default=0.5, help="share of pictures")
    made.add_argument(
        "--things", type=between(0, 1), default=0.5, help="share of pictures with other things"
    )
    made.add_argument("--none-class", help="label other things with this class")
    made.add_argument("--blends", nargs="+", choices=BLENDS, default=BLENDS)
    made.add_argument("--empty", type=Path, help="picture of the place without a product")
    made.add_argument(
        "--leave-out", action="store_true", help="go on without classes that cannot be cut out"
    )
    made.set_defaults(command=_compose)


def _compose(arguments: argparse.Namespace) -> int:
    limit_pictures()
    from training.compose.composing import Request, run  # noqa: PLC0415
    from training.compose.plan import ComposePlan  # noqa: PLC0415

    for option in ("size", "scale_mm"):
        pair = getattr(arguments, option)
        if pair is not None and pair[0] > pair[1]:
            raise InputError(
                f"from {pair[0]:g} to {pair[1]:g}",
                "give the lower one first",
                field="--" + option.replace("_", "-"),
            )
    if arguments.scale_mm is not None and arguments.catalogue is None:
        raise InputError(
            "without the products' sizes there is no scale",
            "give --catalogue, with length_mm and width_mm, or --size in its place",
            field="--scale-mm",
        )
    plan = ComposePlan(
        images=arguments.images,
        seed=arguments.seed,
        width_px=arguments.width,
        height_px=arguments.height,
        size_share=tuple(arguments.size),
        view_mm=None if arguments.scale_mm is None else tuple(arguments.scale_mm),
        most_items=arguments.most_items,
        crowded_share=arguments.crowded,
        thing_share=arguments.things,
        blends=tuple(dict.fromkeys(arguments.blends)),
    )
    request = Request(
        products=arguments.products,
        scenes=tuple(arguments.scenes),
        class_names=tuple(arguments.classes),
        backgrounds=tuple(dict.fromkeys(arguments.backgrounds)),
        plan=plan,
        folder=arguments.out,
        empty=arguments.empty,
        catalogue=arguments.catalogue,
        none_class=arguments.none_class,
        leave_out=arguments.leave_out,
    )
    with by_steps() as on_progress:
        outcome = run(request, on_progress)
    _print(outcome, arguments.out)
    return 0


def _print(outcome: "Outcome", folder: Path) -> None:
    good = sum(not record.faults for record in outcome.records)
    print(f"cut out {good} of {len(outcome.records)} products: {folder / 'cuts.jpg'}")
    if good < len(outcome.records):
        print(f"left out {len(outcome.records) - good}: {folder / 'left-out.jpg'}")
        faults = Counter(record.faults[0] for record in outcome.records if record.faults)
        for fault, count in faults.most_common(5):
            print(f"  {count:5d}  {fault}")
    for old, new in outcome.renamed.items():
        print(f"class {plain(old)!r} is called {new}, as a package needs it")
    if outcome.others:
        print(f"passed over {outcome.others} pictures that do not show exactly one product")
    if outcome.missing:
        print(f"classes without a cut-out: {', '.join(outcome.missing)}")
    boxes = Counter(
        outcome.dataset.class_names[item.class_index]
        for image in outcome.dataset.images
        for item in image.objects
    )
    print(f"{sum(boxes.values())} boxes in {len(outcome.dataset.images)} images, of each class")
    for name in outcome.dataset.class_names:
        print(f"  {boxes[name]:5d}  {name}")
    print(f"look at {folder / 'sheet.jpg'}")
    print(outcome.dataset.path)
