"""Where items are: from the words of the station's rules to the journal's, and back. Pure."""

from edge_agent.printing.records import LastSeen, Place
from edge_agent.station.items import Item
from edge_agent.station.recovery import Remembered


def remembered(item: LastSeen) -> Remembered:
    """An item that the journal saw last, to the rules of the station."""
    place = item.place
    return Remembered(
        item.item_id,
        place.x_px,
        place.y_px,
        item.size_px,
        item.class_name,
        place.captured_at,
        item.outcome,
    )


def last_seen_before_zone(item: Remembered) -> LastSeen:
    """An item that went back over the entry edge, to the journal."""
    place = Place(item.x_px, item.y_px, item.seen_at)
    return LastSeen(item.item_id, place, item.size_px, item.class_name, item.outcome)


def last_seen(item: Item) -> LastSeen:
    """An item in the zone, to the journal."""
    track = item.track
    place = Place(track.x_px, track.y_px, track.seen_at)
    return LastSeen(item.item_id, place, track.size_px, item.class_name, item.outcome)
