"""What `check` says of the fallback ladder and the panel. How rungs hold, `rehearse` finds out."""

from beltmark.contract.errors import InputError
from beltmark.contract.release import load_release
from edge_agent.fallback.section import FallbackSection
from edge_agent.panel.section import PanelSection
from edge_agent.settings import StationFile


def look_at_ladder(settings: StationFile, fallback: FallbackSection) -> str:
    """Returns the rungs below the release.

    Raises:
        InputError: One of them could not hold.
    """
    rungs: list[str] = []
    if fallback.previous is not None:
        rungs.append(f"release {load_release(fallback.previous).name}")
    elif settings.fleet is not None:
        rungs.append("the slot before")
    if fallback.barcode:
        rungs.append("barcodes only")
    if fallback.person:
        if settings.panel is None:
            raise InputError(
                "nobody could say what an item is", "give [panel]", field="fallback.person"
            )
        rungs.append("a person at the panel")
    told = ", then ".join(rungs) or "nothing"
    return f"below the release: {told}; `beltmark-edge rehearse` walks it"


def look_at_panel(section: PanelSection) -> str:
    """Returns where the panel would be.

    Raises:
        InputError: It could not be there.
    """
    from edge_agent.panel.server import PanelServer  # noqa: PLC0415 - a web server

    server = PanelServer(section)
    server.stop()
    return f"{server.address}, {'with' if section.pin_file is not None else 'without'} a PIN"
