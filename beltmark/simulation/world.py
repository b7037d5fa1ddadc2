"""A simulated station without its sockets: belt, camera, applicator and what they remember.

Pure apart from its own state: time comes with every call. Leaves threads and protocols to
`station`, what is to be simulated to `world_plan`, the file of truth to `truth`.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from beltmark.simulation.appearance import live_scene
from beltmark.simulation.applicator import Act, Applicator
from beltmark.simulation.beam import Beam, BeamEdge
from beltmark.simulation.belt import Belt, BeltItem
from beltmark.simulation.close_up import CloseUp, Sticker
from beltmark.simulation.label_picture import SIZE_MM
from beltmark.simulation.permit import RunPermit
from beltmark.simulation.scene import Picture, Placement, Shot
from beltmark.simulation.sticker import with_sticker
from beltmark.simulation.supply import supply
from beltmark.simulation.verdict import (
    AppliedLabel,
    Marking,
    Verdict,
    judge,
    read_marking,
)
from beltmark.simulation.world_plan import WorldPlan
from beltmark.simulation.world_truth import DivertTruth, FrameTruth, LabelTruth

REMEMBERED_FRAMES = 18_000
"""Frames whose truth is kept: twenty minutes at 15 frames per second."""

STICKER_MM = SIZE_MM
_ITEM_MIDDLE_MM = 20.0
"""Height at which an image position of an item is taken to lie."""


class World:
    """The station's physical side, one step per frame.

    Attributes:
        plan: What is simulated.
        belt: The belt and its items.
        permit: Whether it may run.
        frames: Truth of the latest frames.
        labels: Every label that came out.
        diverts: Every divert that was asked for.
        beam: The photo-eye; None where none is fitted.
        beam_told: What it told of the time up to the last step.
        applicator: What puts the labels on; None where each sticks as it comes out.
    """

    def __init__(self, plan: WorldPlan) -> None:
        self.plan = plan
        self.permit = RunPermit()
        self.frames: deque[FrameTruth] = deque(maxlen=REMEMBERED_FRAMES)
        self.labels: list[LabelTruth] = []
        self.diverts: list[DivertTruth] = []
        looks = np.random.default_rng([plan.seed, 2**31])
        self._scene, light = live_scene(looks, plan.view)
        half_width = min(
            plan.view.height_px / 2 / plan.view.px_per_mm,
            self._scene.backdrop.surface.half_width_mm,
        )
        goods = supply(
            plan.seed,
            plan.products,
            light,
            half_width_mm=half_width,
            foreign_share=plan.foreign_share,
        )
        self.belt = Belt(plan.layout, goods)
        self.beam = None
        if plan.beam is not None:
            half_mm = plan.view.width_px / 2 / plan.view.px_per_mm
            self.beam = Beam(plan.beam, (2 * plan.beam.place_part - 1) * half_mm)
        self.beam_told: list[BeamEdge] = []
        self.applicator = None if plan.applicator is None else Applicator(plan.applicator)
        self._close_up = None
        if plan.scan_at_mm is not None:
            surface = self._scene.backdrop.surface
            self._close_up = CloseUp(surface, looks, plan.scan_at_mm)
        self._stickers: dict[int, list[Sticker]] = {}
        self._labels_out = 0
        self._held_back: list[bytes] = []
        self._frame_count = 0
        self._last_s: float | None = None
        self._ran_s = 0.0

    def step(self, at_s: float, *, permitted: bool | None = None) -> Picture:
        """Move the belt on to `at_s` and take a picture, see `advance`."""
        shot = self.advance(at_s, permitted=permitted)
        picture = self.expose(shot)
        self.remember(shot, picture)
        return picture

    def advance(self, at_s: float, *, permitted: bool | None = None) -> Shot:
        """Move the belt on to `at_s`; None leaves the permission to the relay.

        Between the first call and the second the belt begins to move. What is returned is to be
        exposed, and remembered: drawing takes long, and labels and signals must not wait for it.
        """
        since_s = at_s if self._last_s is None else self._last_s
        if permitted is None:
            running_s = self.permit.running_s(since_s, at_s)
        else:
            running_s = (at_s - since_s) * permitted
        self._last_s = at_s
        way_s = self.plan.profile.way_s
        self.belt.advance(at_s, way_s(self._ran_s + running_s) - way_s(self._ran_s))
        self._ran_s += running_s
        self._tell_of_beam(at_s, running_s)
        shot = self._shot(at_s)
        self._frame_count += 1
        return shot

    def expose(self, shot: Shot) -> Picture:
        """What the camera saw then; on any thread, one at a time."""
        return self._scene.render(shot.placements, shot.travel_mm, shot.noise)

    def remember(self, shot: Shot, picture: Picture) -> None:
        """Keep for the truth what a picture shows."""
        self.frames.append(FrameTruth(shot.index, shot.at_s, shot.travel_mm, picture.seen))

    def _tell_of_beam(self, at_s: float, running_s: float) -> None:
        if self.beam is None:
            return
        belt = self.belt
        ends_mm = {
            item.item_id: (
                belt.x_mm(item) + item.half_length_mm,
                belt.x_mm(item) - item.half_length_mm,
            )
            for item in belt.present
        }
        speed_mm_s = belt.layout.speed_mm_s if running_s > 0 else 0.0
        self.beam_told = self.beam.advance(ends_mm, at_s, speed_mm_s)

    def picture(self) -> Picture:
        """What the camera sees now."""
        return self.expose(self._shot(self._last_s or 0.0))

    def _shot(self, at_s: float) -> Shot:
        return Shot(self._frame_count, at_s, self.belt.travel_mm, self._placements(), self._noise())

    def scan(self) -> Callable[[], bytes]:
        """What is before the scan camera now: call it, on any thread, for the JPEG of it.

        Only for a plan with `scan_at_mm`.
        """
        assert self._close_up is not None
        camera, placements, travel_mm = self._close_up, self._placements(), self.belt.travel_mm
        stickers = {p.item_id: tuple(self._stickers.get(p.item_id, ())) for p in placements}
        noise = self._noise()
        return lambda: camera.encode(camera.render(placements, stickers, travel_mm, noise))

    def _placements(self) -> list[Placement]:
        return [
            Placement(item.item_id, item.posed, self.belt.x_mm(item), item.y_mm)
            for item in self.belt.present
            if item.posed is not None and item.item_id not in self.plan.invisible
        ]

    def _noise(self) -> np.random.Generator:
        return np.random.default_rng([self.plan.seed, self._frame_count])

    def encode(self, picture: Picture) -> bytes:
        """Compress a picture to JPEG as the camera does."""
        return self._scene.eye.encode(picture.image_bgr)

    def take_label(self, zpl: bytes, at_s: float) -> LabelTruth:
        """A label came out of the printer: it sticks to an item, falls, or waits to be applied.

        One that is held back for the next item is noted when it lands there; `label_faults` are of
        labels that stick as they come out.
        """
        if self.applicator is not None:
            self.applicator.take(len(self.labels), at_s)
            label = LabelTruth(at_s, zpl, read_marking(zpl), None, is_at_applicator=True)
            self.labels.append(label)
            return label
        self._labels_out += 1
        fault = self.plan.label_faults.get(self._labels_out)
        held_back, self._held_back = self._held_back, []
        for earlier in held_back:
            self._land(earlier, at_s)
        if fault in ("late", "repeated"):
            self._held_back.append(zpl)
        if fault == "late":
            return LabelTruth(at_s, zpl, read_marking(zpl), None)
        if fault == "lost":
            self.labels.append(LabelTruth(at_s, zpl, read_marking(zpl), None))
            return self.labels[-1]
        return self._land(zpl, at_s, is_smeared=fault == "smeared")

    def _land(self, zpl: bytes, at_s: float, *, is_smeared: bool = False) -> LabelTruth:
        item = self.belt.apply_label()
        label = LabelTruth(at_s, zpl, read_marking(zpl), item.item_id if item else None)
        self.labels.append(label)
        if item is not None:
            self._stick(item, label.marking, is_smeared=is_smeared)
        return label

    def act(self, at_s: float) -> Act | None:
        """Let the applicator do what it does at this time; returns what that was."""
        act = None if self.applicator is None else self.applicator.advance(at_s)
        if act is None:
            return None
        for index in act.labels:
            item = self.belt.apply_label() if act.is_applied else None
            self.labels[index] = replace(
                self.labels[index],
                item_id=item.item_id if item else None,
                is_at_applicator=False,
                is_scrap=not act.is_applied,
            )
            if item is not None:
                self._stick(item, self.labels[index].marking)
        return act

    def _stick(self, item: BeltItem, marking: Marking | None, *, is_smeared: bool = False) -> None:
        """Let later frames show the label where the applicator touched the item."""
        if item.posed is None:
            return
        turned = item.posed.turned_rad
        along = self.belt.layout.applicator_mm - self.belt.x_mm(item)
        along = float(np.clip(along, -item.half_length_mm / 2, item.half_length_mm / 2))
        rng = np.random.default_rng([self.plan.seed, item.item_id, item.label_count])
        across = 8.0 * (item.label_count - 1)  # a second label lies visibly over the first
        solid = with_sticker(
            item.posed.solid,
            rng,
            along * np.cos(turned) + across * np.sin(turned),
            across * np.cos(turned) - along * np.sin(turned),
            STICKER_MM,
        )
        item.posed = replace(item.posed, solid=solid)
        if self._close_up is not None:
            # In the close-up, a second label lies beside the first: both can be read.
            beside = (SIZE_MM[1] + 1.0) * (item.label_count - 1)
            x_mm = along * np.cos(turned) + beside * np.sin(turned)
            y_mm = beside * np.cos(turned) - along * np.sin(turned)
            sticker = Sticker(marking, float(x_mm), float(y_mm), is_smeared)
            self._stickers.setdefault(item.item_id, []).append(sticker)

    def divert(
        self, named: str, x_px: float, y_px: float, seen_at_s: float, at_s: float
    ) -> DivertTruth:
        """Take the item off that was nearest to this image position at that time."""
        x0, y0, dx, dy = self.plan.view.rays(round(x_px), round(y_px), 1, 1)
        item = self.belt.divert(
            float(x0[0, 0] + _ITEM_MIDDLE_MM * dx[0, 0]),
            float(y0[0, 0] + _ITEM_MIDDLE_MM * dy[0, 0]),
            seen_at_s,
            at_s,
        )
        diverted = DivertTruth(at_s, named, x_px, y_px, seen_at_s, item.item_id if item else None)
        self.diverts.append(diverted)
        return diverted

    def verdict(self) -> Verdict:
        """Judge what has happened so far."""
        labels = [
            AppliedLabel(
                label.marking, label.item_id, is_scrap=label.is_scrap or label.is_at_applicator
            )
            for label in self.labels
        ]
        return judge(self.belt.passed_items(), labels)
