"""`[inference]` of the station file."""

from typing import Annotated

from pydantic import Field

from edge_agent.section import Seconds, Section


class InferenceSection(Section):
    """`[inference]`.

    Attributes:
        threads: Threads that share one inference.
        motion_gate: Whether the model looks at an empty zone only when something changes in it.
        stuck_after_s: Time after which a frame that is not done with lets the run permit fall.
    """

    threads: Annotated[int, Field(ge=1, le=64)] = 1
    motion_gate: bool = True
    stuck_after_s: Seconds = 2.0
