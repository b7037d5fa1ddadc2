"""`[outputs]` of the station file."""

from edge_agent.section import Address, Section


class OutputsSection(Section):
    """`[outputs]`.

    Attributes:
        run_permit: Relay that lets the belt run while the station is well: tcp://host:port or none.
        divert: Relay that takes items off the belt: tcp://host:port or none.
    """

    run_permit: Address = "none"
    divert: Address = "none"
