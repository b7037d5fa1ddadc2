"""The truth of a run as a JSON document; `writing` puts it onto the disk."""

from dataclasses import asdict
from typing import Any

from beltmark.simulation.belt import BeltItem
from beltmark.simulation.world import World
from beltmark.simulation.world_truth import FrameTruth, LabelTruth

FORMAT_VERSION = 1


def truth_document(world: World) -> dict[str, Any]:
    """All that the belt knows about a run so far, ready for JSON. Times are epoch seconds."""
    plan = world.plan
    return {
        "format_version": FORMAT_VERSION,
        "seed": plan.seed,
        "width_px": plan.view.width_px,
        "height_px": plan.view.height_px,
        "speed_px_s": plan.speed_px_s,
        "applicator_x_px": plan.applicator_part * plan.view.width_px,
        "verdict": asdict(world.verdict()),
        "items": [_item(world, item) for item in world.belt.items],
        "printed": [_label(index, label) for index, label in enumerate(world.labels)],
        "beam": [asdict(edge) for edge in world.beam.edges] if world.beam else [],
        "diverts": [asdict(divert) for divert in world.diverts],
        "frames": [_frame(frame) for frame in world.frames],
    }


def _item(world: World, item: BeltItem) -> dict[str, Any]:
    product = item.product
    return {
        "item_id": item.item_id,
        "class_name": item.class_name,
        "sku": product.sku if product else None,
        "gtin": product.gtin14 if product else None,
        "y_mm": round(item.y_mm, 2),
        "entered_at_s": item.entered_at_s,
        "left_at_s": item.left_at_s,
        "diverted_at_s": item.diverted_at_s,
        "labels": [k for k, label in enumerate(world.labels) if label.item_id == item.item_id],
    }


def _label(index: int, label: LabelTruth) -> dict[str, Any]:
    return {
        "index": index,
        "at_s": label.at_s,
        "zpl": label.zpl.decode("latin-1"),
        "gtin": label.marking.gtin if label.marking else None,
        "serial": label.marking.serial if label.marking else None,
        "item_id": label.item_id,
        "is_scrap": label.is_scrap or label.is_at_applicator,
    }


def _frame(frame: FrameTruth) -> dict[str, Any]:
    return {
        "index": frame.index,
        "at_s": round(frame.at_s, 4),
        "travel_mm": round(frame.travel_mm, 2),
        "seen": [
            {
                "item_id": seen.item_id,
                "box_xyxy_px": seen.box_xyxy_px,
                "visible_fraction": round(seen.visible_fraction, 3),
                "truncated": seen.truncated,
            }
            for seen in frame.seen
        ],
    }
