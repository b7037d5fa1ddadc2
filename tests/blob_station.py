"""A station for tests without a trained model: its model finds the one bright, coloured blob.

Red is a carton, green a tube, blue none of these. The pictures are made here as well.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from beltmark.contract.documents import sha256_of

BUNDLED_LAYOUT = Path(__file__).parents[1] / "beltmark/bundled/layouts/item.toml"
WIDTH_PX, HEIGHT_PX = 240, 160
FPS = 15.0
RED, GREEN, BLUE = (30, 30, 250), (30, 250, 30), (250, 30, 30)
CATALOGUE = """\
sku,gtin,name,class_name,layout
CARTON-01,9521234500018,Ground coffee 250 g,carton,item
TUBE-01,9521234500025,Hand cream 75 ml,tube,item
"""


def write_model(path: Path) -> None:
    """Writes the model: a box around all that is brighter than 150, its class by its colour."""
    steps = [
        ("Cast", ["image"], ["x"], {"to": TensorProto.FLOAT}),
        ("ReduceMax", ["x", "axis3"], ["light"], {"keepdims": 0}),
        ("Greater", ["light", "level"], ["is_light"], {}),
        ("Cast", ["is_light"], ["mask"], {"to": TensorProto.FLOAT}),
        ("ReduceMax", ["mask", "axis1"], ["columns"], {"keepdims": 0}),
        ("ReduceMax", ["mask", "axis2"], ["rows"], {"keepdims": 0}),
    ]
    for edge, line, last in (
        ("left", "columns", 0), ("top", "rows", 0), ("right", "columns", 1), ("bottom", "rows", 1),
    ):  # fmt: skip
        arguments = {"axis": 1, "keepdims": 1, "select_last_index": last}
        steps.append(("ArgMax", [line], [edge], arguments))
    steps += [
        ("Concat", ["left", "top", "right", "bottom"], ["edges"], {"axis": 1}),
        ("Cast", ["edges"], ["edges_px"], {"to": TensorProto.FLOAT}),
        ("Unsqueeze", ["edges_px", "axis1"], ["boxes"], {}),
        ("Unsqueeze", ["mask", "axis3"], ["mask3"], {}),
        ("Mul", ["x", "mask3"], ["lit"], {}),
        ("ReduceSum", ["lit", "axes12"], ["colour"], {"keepdims": 0}),
        ("ReduceMax", ["colour", "axis1"], ["most"], {"keepdims": 1}),
        ("Equal", ["colour", "most"], ["is_most"], {}),
        ("Cast", ["is_most"], ["best"], {"to": TensorProto.FLOAT}),
        ("ReduceMax", ["mask", "axes12"], ["any"], {"keepdims": 0}),
        ("Mul", ["best", "any"], ["sure"], {}),
        ("Mul", ["sure", "certainty"], ["score"], {}),
        ("Unsqueeze", ["score", "axis1"], ["scores"], {}),
        ("Unsqueeze", ["best", "axis1"], ["embedding"], {}),
    ]
    constants = {
        "level": np.array(150, np.float32),
        "certainty": np.array(0.95, np.float32),
        "axis1": np.array([1]),
        "axis2": np.array([2]),
        "axis3": np.array([3]),
        "axes12": np.array([1, 2]),
    }
    shape = [1, HEIGHT_PX, WIDTH_PX, 3]
    outputs = {"boxes": 4, "scores": 3, "embedding": 3}
    graph = helper.make_graph(
        [helper.make_node(kind, given, made, **more) for kind, given, made, more in steps],
        "blob",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, shape)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, width])
            for name, width in outputs.items()
        ],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_manifest(package: Path, **changes: object) -> str:
    """Writes the manifest to what lies in the package; returns its digest."""
    names = ["model.onnx", *(f"golden/{path.name}" for path in (package / "golden").iterdir())]
    manifest = {
        "format_version": 1,
        "name": "blob",
        "classes": ["carton", "tube", "none_of_these"],
        "none_of_these": "none_of_these",
        "input": {"height_px": HEIGHT_PX, "width_px": WIDTH_PX},
        "outputs": {"embedding_size": 3},
        "files": {name: sha256_of((package / name).read_bytes()) for name in names},
    }
    content = json.dumps(manifest | changes).encode()
    (package / "manifest.json").write_bytes(content)
    return sha256_of(content)


def write_release(folder: Path, **manifest_changes: object) -> Path:
    """Writes a whole release with the model above."""
    package = folder / "package"
    (package / "golden").mkdir(parents=True)
    (folder / "layouts").mkdir()
    write_model(package / "model.onnx")
    golden = {"images": [], "instruction_set": "none"}
    (package / "golden/golden.json").write_text(json.dumps(golden))
    approve(folder, **manifest_changes)
    shutil.copyfile(BUNDLED_LAYOUT, folder / "layouts/item.toml")
    (folder / "catalogue.csv").write_text(CATALOGUE)
    return folder


def approve(release: Path, **manifest_changes: object) -> None:
    """Writes the manifest and the release's document anew, so that they fit what lies there."""
    digest = write_manifest(release / "package", **manifest_changes)
    document = {"format_version": 1, "name": "blob-1", "package_sha256": digest, "policy": {}}
    (release / "release.json").write_text(json.dumps(document))


def write_station(folder: Path, source: str, **sections: str) -> Path:
    """Writes a station file for a release in `folder`; each section's text is appended to it."""
    texts = {
        "station": 'name = "blob"\nrelease = "release"\ndata = "data"',
        "camera": f'source = "{source}"\nfps = {FPS}',
        "zone": f"rect_xyxy_px = [0, 0, {WIDTH_PX}, {HEIGHT_PX}]",
        "printer": 'address = "file:labels.zpl"',
    }
    texts |= sections
    path = folder / "station.toml"
    path.write_text("\n".join(f"[{name}]\n{text}" for name, text in texts.items()))
    return path


def picture(x_px: float | None, colour: tuple[int, int, int], seed: int) -> NDArray[np.uint8]:
    """One frame, uint8 [HEIGHT_PX, WIDTH_PX, 3], BGR: a dark belt, and a blob centred at `x_px`."""
    image = np.random.default_rng(seed).integers(0, 40, (HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    if x_px is not None:
        left, right = max(0, round(x_px) - 20), max(0, round(x_px) + 20)
        image[60:100, left:right] = colour
    return image


def pass_by(colours: list[tuple[int, int, int]]) -> list[NDArray[np.uint8]]:
    """The frames of items that pass one after the other, with an empty belt around each."""
    frames = [picture(None, RED, seed) for seed in range(15)]
    for colour in colours:
        for step in range(70):
            frames.append(picture(-20 + 4 * step, colour, len(frames)))
        frames += [picture(None, colour, len(frames) + seed) for seed in range(15)]
    return frames
