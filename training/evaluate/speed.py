"""Section: how long one image takes on this machine, and how much memory the model needs."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import ModelPackage
from beltmark.datasets.images import read_image
from edge_agent.vision.processor import instruction_set
from training.evaluate.context import Context, number
from training.evaluate.section import Cell, Section, Table
from training.evaluate.timing import StageTimes, footprint_bytes, time_stages, usable_cores

KEY: Final = "speed"
PICTURES: Final = 8
_MIB: Final = 1024 * 1024


def section(context: Context) -> Section:
    """Times the package, and its reference beside it."""
    pictures = _pictures(context)
    packages = [context.package, *([context.reference] if context.reference else [])]
    names = ["package", "reference"]
    cores = usable_cores()
    rows: list[tuple[Cell, ...]] = []
    numbers: dict[str, float | None] = {}
    ratio = None
    for threads in sorted({1, cores}):
        times = time_stages(packages, pictures, threads)
        rows += [_row(name, threads, each) for name, each in zip(names, times, strict=False)]
        suffix = "" if threads == 1 else "_all_cores"
        numbers |= {
            f"prepare{suffix}_ms": number(times[0].prepare_ms),
            f"infer{suffix}_ms": number(times[0].infer_ms),
            f"interpret{suffix}_ms": number(times[0].interpret_ms),
            f"whole{suffix}_ms": number(times[0].whole_ms),
        }
        if threads == 1 and context.reference is not None:
            ratio = times[1].infer_ms / times[0].infer_ms
            numbers |= {"infer_reference_ms": number(times[1].infer_ms)}
            numbers |= {"times_faster_than_reference": number(ratio)}
    memory = [footprint_bytes(each, context.evaluation.images[0].path) for each in packages]
    sizes = [_size_bytes(each) for each in packages]
    numbers |= {
        "peak_rss_bytes": None if memory[0] is None else float(memory[0]),
        "package_bytes": float(sizes[0]),
        "model_bytes": float(context.package.model_path.stat().st_size),
        "cores": float(cores),
    }
    memory_rows: list[tuple[Cell, ...]] = [
        (name, number(size / _MIB), None if peak is None else number(peak / _MIB))
        for name, size, peak in zip(names, sizes, memory, strict=False)
    ]
    header = ("what", "threads", "prepare ms", "infer ms", "infer p90 ms", "interpret ms", "all ms")
    told = [
        f"{numbers['whole_ms']:.1f} ms for an image on one thread of {instruction_set()}, "
        "median; other processors differ.",
        *slow_words(ratio, instruction_set()),
    ]
    if memory[0] is None:
        told.append("Memory could not be measured: the process that was to do it failed.")
    return Section(
        KEY,
        "Speed and memory",
        tuple(told),
        numbers,
        (
            Table("Time by stage", header, rows),
            Table(
                "Size, and peak memory of a process that only detects",
                ("what", "package MiB", "peak MiB"),
                memory_rows,
            ),
        ),
    )


def slow_words(times_faster: float | None, instructions: str) -> list[str]:
    """Says loudly where int8 brings no speed here, and why; pure.

    Args:
        times_faster: How many times faster than the fp32 reference; None without one.
        instructions: As `instruction_set` names them.
    """
    told = []
    if times_faster is not None and times_faster < 1:
        told.append(
            f"SLOWER THAN FP32 HERE: int8 takes {1 / times_faster:.2f} times as long as the "
            "reference."
        )
    elif times_faster is not None:
        told.append(f"{times_faster:.2f} times as fast as the fp32 reference.")
    if instructions.startswith(("x86_64", "AMD64")) and "vnni" not in instructions:
        told.append(
            "NO VNNI: this processor multiplies 8-bit numbers the exact, slower way, and int8 may "
            "be slower than fp32. Measure on the processor of your stations."
        )
    return told


def _pictures(context: Context) -> list[NDArray[np.uint8]]:
    images = context.evaluation.images
    chosen = [images[row] for row in spread_rows(len(images), PICTURES)]
    return [read_image(image) for image in chosen]


def spread_rows(length: int, most: int) -> list[int]:
    """Returns up to `most` rows, spread evenly over `length`."""
    return sorted({int(row) for row in np.linspace(0, length - 1, min(most, length))})


def _row(name: str, threads: int, times: StageTimes) -> tuple[Cell, ...]:
    figures = (
        times.prepare_ms,
        times.infer_ms,
        times.infer_p90_ms,
        times.interpret_ms,
        times.whole_ms,
    )
    return (name, threads, *(round(figure, 3) for figure in figures))


def _size_bytes(package: ModelPackage) -> int:
    files = ("manifest.json", *package.manifest.files)
    return sum((package.folder / name).stat().st_size for name in files)
