"""Plants faults in a copy of a real dataset, and measures how many of them the checks find.

`python -m bench.planted_faults ../shared/data/shelf/annotations.json --write docs/data-checks.md`

Of each seed: 200 wrong classes (120 any other, 80 one of the three that the class is taken for most
often), 100 copies of pictures in another part, each changed in one of six ways, and 20 damaged
files. The dataset itself is only read.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.datasets.checks.checking import check
from beltmark.datasets.checks.finding import Finding
from beltmark.datasets.checks.memory import Memory
from beltmark.datasets.checks.tolerant import read_tolerantly
from training.suspects.suspects import suspicious

PARTS: Final = {"train": 0.7, "validation": 0.15, "test": 0.15}
WAYS: Final = ("saved again", "resized", "brighter or darker", "cropped", "mirrored", "all of them")
DAMAGES: Final = ("cut off", "empty", "zero bytes", "text", "header only", "zero tail")
DEPTHS: Final = (50, 100, 200, 400)
CONFUSED: Final = {
    "beans": ("corn", "nuts", "tomato_sauce"),
    "cake": ("cereal", "chocolate", "tea"),
    "candy": ("tea", "chocolate", "chips"),
    "cereal": ("cake", "tea", "chocolate"),
    "chips": ("candy", "juice", "nuts"),
    "chocolate": ("tea", "coffee", "chips"),
    "coffee": ("chocolate", "tea", "spices"),
    "corn": ("beans", "spices", "jam"),
    "fish": ("corn", "tea", "chocolate"),
    "flour": ("rice", "sugar", "cereal"),
    "honey": ("jam", "coffee", "spices"),
    "jam": ("spices", "coffee", "juice"),
    "juice": ("tea", "vinegar", "soda"),
    "milk": ("juice", "coffee", "tea"),
    "nuts": ("chips", "candy", "corn"),
    "oil": ("vinegar", "jam", "spices"),
    "pasta": ("coffee", "cereal", "chips"),
    "rice": ("cereal", "flour", "coffee"),
    "soda": ("juice", "water", "tomato_sauce"),
    "spices": ("jam", "juice", "chocolate"),
    "sugar": ("tea", "flour", "milk"),
    "tea": ("chocolate", "coffee", "juice"),
    "tomato_sauce": ("beans", "jam", "tea"),
    "vinegar": ("oil", "juice", "spices"),
    "water": ("soda", "juice", "spices"),
}
"""For which three others each class is taken most, by a linear model on its looks alone."""

_BEGIN, _END = "<!-- measured -->\n", "<!-- end of measured -->\n"

ThingT = TypeVar("ThingT")
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Amounts:
    """How many faults of each sort are planted."""

    any_class: int = 120
    confusable: int = 80
    copies: int = 100
    damaged: int = 20


@dataclass
class Planted:
    """What was planted.

    Attributes:
        wrong: Image name and box of each wrong class; the value tells whether it was confusable.
        alone: Those of them that are the only box of their image.
        copies: Both names of each copy, sorted; the value tells in which way it was changed.
        damaged: Names of damaged files; the value tells how.
    """

    wrong: dict[tuple[str, tuple[int, ...]], bool] = field(default_factory=dict)
    alone: set[tuple[str, tuple[int, ...]]] = field(default_factory=set)
    copies: dict[tuple[str, ...], str] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)


def main() -> None:
    """Measures, prints, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--memory", type=Path, help="keeps features between runs")
    parser.add_argument("--write", type=Path, help="put the table into this page")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        memory_path = arguments.memory or Path(scratch) / "memory.sqlite"
        rows: list[dict[str, float]] = []
        for seed in arguments.seeds:
            folder = Path(scratch) / f"seed-{seed}"
            planted, parts = plant(arguments.dataset, folder, np.random.default_rng(seed))
            dataset, faults = read_tolerantly(folder / "annotations.json")
            with Memory(memory_path) as memory:
                checked = check(
                    dataset, faults, parts, memory=memory, progress=_silent, deep=suspicious
                )
            rows.append(measured(planted, checked.findings))
            print(f"seed {seed}: {json.dumps(rows[-1])}", flush=True)
    told = "\n".join(table(rows, arguments.seeds))
    print(told)
    if arguments.write:
        text = arguments.write.read_text()
        before, rest = text.split(_BEGIN)
        _, after = rest.split(_END)
        arguments.write.write_text(f"{before}{_BEGIN}\n{told}\n\n{_END}{after}")


def plant(
    source: Path, folder: Path, chance: np.random.Generator, amounts: Amounts | None = None
) -> tuple[Planted, dict[str, str]]:
    """Makes a copy of a dataset, with faults.

    Returns:
        What was planted, and the part of each image by name.
    """
    amounts = amounts or Amounts()
    document = json.loads(source.read_text())
    images: list[dict[str, Any]] = document["images"]
    for image in images:
        target = folder / image["file_name"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.parent / image["file_name"], target)
    order = chance.permutation(len(images)).tolist()
    copied = order[: amounts.copies]
    damaged = order[amounts.copies : amounts.copies + amounts.damaged]
    planted = Planted()
    names = [image["file_name"] for image in images]
    drawn = chance.choice(list(PARTS), len(images), p=list(PARTS.values())).tolist()
    parts = dict(zip(names, drawn, strict=True))
    touched = {images[index]["id"] for index in (*copied, *damaged)}
    _swap(document, planted, touched, amounts, chance)
    for number, index in enumerate(copied):
        way = WAYS[number % len(WAYS)]
        name = f"copies/{number:03}.jpg"
        picture = cv2.imread(str(source.parent / names[index]))
        changed = _changed(np.asarray(picture, np.uint8), way, chance)
        (folder / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / name), changed, [cv2.IMWRITE_JPEG_QUALITY, 85])
        height, width = changed.shape[:2]
        number_of_image = 10_000_000 + number
        images.append({"id": number_of_image, "file_name": name, "width": width, "height": height})
        others = [part for part in PARTS if part != parts[names[index]]]
        parts[name] = others[int(chance.integers(len(others)))]
        planted.copies[tuple(sorted((name, names[index])))] = way
    for number, index in enumerate(damaged):
        how = DAMAGES[number % len(DAMAGES)]
        path = folder / names[index]
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(_damaged(content, how))
        planted.damaged[names[index]] = how
    (folder / "annotations.json").write_text(json.dumps(document))
    return planted, parts


def measured(planted: Planted, findings: Sequence[Finding]) -> dict[str, float]:
    """Returns recall and precision of each kind of fault."""
    unreadable = {each.places[0].image for each in findings if each.kind == "unreadable"}
    pairs = {
        tuple(sorted(place.image for place in each.places))
        for each in findings
        if each.kind in ("duplicate-leak", "exact-duplicate", "near-duplicate")
    }
    suspects = [
        (each.places[0].image, tuple(round(side) for side in each.places[0].box_xyxy_px or ()))
        for each in findings
        if each.kind == "wrong-class"
    ]
    hits = np.array([place in planted.wrong for place in suspects], bool)
    among = set(suspects[: DEPTHS[-1]])
    confusable = {place for place, is_confusable in planted.wrong.items() if is_confusable}
    result = {
        "damaged recall": len(unreadable & planted.damaged.keys()) / len(planted.damaged),
        "damaged precision": len(unreadable & planted.damaged.keys()) / max(len(unreadable), 1),
        "copies recall": len(pairs & planted.copies.keys()) / len(planted.copies),
        "copies precision": len(pairs & planted.copies.keys()) / max(len(pairs), 1),
        "pairs that were there before": float(len(pairs - planted.copies.keys())),
        "suspects listed": float(len(suspects)),
        "confusable recall at 400": len(among & confusable) / len(confusable),
        "alone recall at 400": len(among & planted.alone) / max(len(planted.alone), 1),
        "alone planted": float(len(planted.alone)),
    }
    for way in WAYS:
        of_way = {pair for pair, told in planted.copies.items() if told == way}
        result[f"copies {way}"] = len(pairs & of_way) / len(of_way)
    for depth in DEPTHS:
        result[f"suspects recall at {depth}"] = float(hits[:depth].sum()) / len(planted.wrong)
        result[f"suspects precision at {depth}"] = float(
            hits[:depth].sum() / max(len(hits[:depth]), 1)
        )
    return {name: round(value, 4) for name, value in result.items()}


def table(rows: Sequence[dict[str, float]], seeds: Sequence[int]) -> Iterator[str]:
    """Writes the measured numbers as a table, a column for each seed and their mean."""
    yield "| | " + " | ".join(f"seed {seed}" for seed in seeds) + " | mean |"
    yield "|---|" + "---|" * (len(seeds) + 1)
    for name in rows[0]:
        values = [row[name] for row in rows]
        shown = [f"{value:.0f}" if value > 1 else f"{value:.3f}" for value in values]
        mean = float(np.mean(values))
        last = f"{mean:.0f}" if mean > 1 else f"**{mean:.3f}**"
        yield f"| {name} | {' | '.join(shown)} | {last} |"


def _swap(
    document: dict[str, Any],
    planted: Planted,
    touched: set[int],
    amounts: Amounts,
    chance: np.random.Generator,
) -> None:
    """Gives boxes another class; confusable ones one of `CONFUSED`."""
    names = {row["id"]: row["file_name"] for row in document["images"]}
    classes = [row["id"] for row in document["categories"]]
    word = {row["name"]: row["id"] for row in document["categories"]}
    alike = {word[one]: [word[other] for other in others] for one, others in CONFUSED.items()}
    in_image: dict[int, int] = {}
    for row in document["annotations"]:
        in_image[row["image_id"]] = in_image.get(row["image_id"], 0) + 1
    free = [row for row in document["annotations"] if row["image_id"] not in touched]
    number_of_wrong = amounts.any_class + amounts.confusable
    chosen = chance.choice(len(free), number_of_wrong, replace=False).tolist()
    for number, index in enumerate(chosen):
        row = free[index]
        is_confusable = number >= amounts.any_class
        others = [other for other in classes if other != row["category_id"]]
        choices = alike[row["category_id"]] if is_confusable else others
        row["category_id"] = int(choices[int(chance.integers(len(choices)))])
        x, y, width, height = row["bbox"]
        corners = (x, y, x + width, y + height)
        place = (names[row["image_id"]], tuple(round(side) for side in corners))
        planted.wrong[place] = is_confusable
        if in_image[row["image_id"]] == 1:
            planted.alone.add(place)


def _changed(picture: Picture, way: str, chance: np.random.Generator) -> Picture:
    height, width = picture.shape[:2]
    if way == "saved again":
        quality = int(chance.integers(25, 70))
        coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    if way == "resized":
        scale = chance.uniform(0.45, 0.85)
        size = (round(width * scale), round(height * scale))
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    if way == "brighter or darker":
        lit = picture * chance.uniform(0.75, 1.25) + chance.uniform(-25, 25)
        return np.clip(lit, 0, 255).astype(np.uint8)
    if way == "cropped":
        left, right, top, bottom = chance.uniform(0, 0.07, 4)
        rows = slice(int(top * height), height - int(bottom * height))
        return picture[rows, int(left * width) : width - int(right * width)]
    if way == "mirrored":
        return picture[:, ::-1]
    for one in ("cropped", "brighter or darker", "resized", "saved again"):
        picture = _changed(picture, one, chance)
    return picture


def _damaged(content: bytes, how: str) -> bytes:
    half = len(content) // 2
    return {
        "cut off": content[:half],
        "empty": b"",
        "zero bytes": bytes(len(content)),
        "text": b"<html>404 not found</html>\n",
        "header only": content[: content.find(b"\xff\xda")],
        "zero tail": content[:half] + bytes(len(content) - half),
    }[how]


def _silent(things: Sequence[ThingT], told: str) -> Iterable[ThingT]:
    return things


if __name__ == "__main__":
    main()
