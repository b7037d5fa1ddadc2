"""How a project's label configuration follows a class list that changes. Pure.

What people added to the configuration themselves stays: only the labels of our own control change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio.words import LABEL, NONE_OF_THESE, UNSURE
from labeling.config import label_config

_ALWAYS: Final = (NONE_OF_THESE, UNSURE)
MAX_CONFIG_CHARACTERS: Final = 4_000_000


@dataclass(frozen=True)
class ConfigChange:
    """What becomes of a configuration.

    Attributes:
        config: The new one.
        added: Classes that it did not have.
        removed: Classes that it had.
    """

    config: str
    added: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


def config_change(config: str, class_names: Sequence[str], where: str) -> ConfigChange:
    """Returns what a project's configuration becomes with these classes.

    Classes keep their place and colour; new ones come before "none of these".

    Args:
        config: XML, as the server has it.
        class_names: Checked by `classes.check_labels`.
        where: What to name in errors.

    Raises:
        InputError: It is not a configuration of ours, so its boxes would mean something else.
    """
    view, labels = _parsed(config, where)
    there = {label.get("value", ""): label for label in labels.findall("Label")}
    wanted = tuple(dict.fromkeys((*class_names, *_ALWAYS)))
    added = tuple(name for name in wanted if name not in there)
    removed = tuple(name for name in there if name not in wanted)
    for name in removed:
        labels.remove(there[name])
    # The colours of a fresh configuration of all: new ones differ from those that are there.
    fresh = _parsed(label_config([*there, *added]), where)[1]
    made = {label.get("value", ""): label for label in fresh.findall("Label")}
    place = next(
        (k for k, label in enumerate(labels) if label.get("value") in _ALWAYS), len(labels)
    )
    for k, name in enumerate(added):
        labels.insert(place + k, made[name])
    ElementTree.indent(view)
    return ConfigChange(ElementTree.tostring(view, encoding="unicode") + "\n", added, removed)


def class_names_of(config: str, where: str) -> list[str]:
    """Returns the classes of a configuration of ours, in its order, without "unsure".

    Raises:
        InputError: It is none of ours.
    """
    labels = _parsed(config, where)[1]
    names = [label.get("value", "") for label in labels.findall("Label")]
    return [name for name in names if name != UNSURE]


def _parsed(config: str, where: str) -> tuple[ElementTree.Element, ElementTree.Element]:
    """Returns a configuration and the control for boxes in it."""
    try:
        if len(config) > MAX_CONFIG_CHARACTERS or "<!" in config:
            raise ElementTree.ParseError("longer than any of ours, or declares entities")
        view = ElementTree.fromstring(config)
        labels = view.find(f".//RectangleLabels[@name='{LABEL}']")
        if labels is None:
            raise ElementTree.ParseError(f"has no RectangleLabels named {LABEL!r}")
    except (ElementTree.ParseError, UnicodeError) as error:
        raise InputError(
            f"the project's label configuration is not of Beltmark: {error}",
            "give another --title, and a project will be made",
            file=where,
        ) from None
    return view, labels
