"""`[outputs]` and `[applicator]` of the station file."""

from typing import Self

from pydantic import model_validator

from edge_agent.section import Address, Seconds, Section


class OutputsSection(Section):
    """`[outputs]`.

    Each is an address or "none": tcp://host:port (a relay), mqtt://host:port/TOPIC (a PLC behind a
    broker), gpio:CHIP/LINE (a pin of this computer).

    Attributes:
        run_permit: What lets the belt run while the station is well.
        enable: A pin in series with a permit on a pin, which goes off at once.
        divert: What takes items off the belt; it is told which, so it cannot be a pin.
        confirm: Who says that an item is off: "answer" (the divert itself), or an input there.
        confirm_timeout_s: Running time after which a divert that nobody confirmed stops the belt.
        release: Button by which a person says that the overdue items were seen to.
    """

    run_permit: Address = "none"
    enable: Address = "none"
    divert: Address = "none"
    confirm: Address = "none"
    confirm_timeout_s: Seconds = 10.0
    release: Address = "none"

    @model_validator(mode="after")
    def _fit_each_other(self) -> Self:
        if self.enable != "none" and not self.run_permit.startswith("gpio:"):
            raise ValueError("enable is for a run_permit on a pin: gpio:CHIP/LINE")
        if self.confirm != "none" and self.divert == "none":
            raise ValueError("confirm needs a divert")
        if self.release == "answer":
            raise ValueError("release must be an input: a person's button answers nothing")
        return self


class ApplicatorSection(Section):
    """`[applicator]`: what puts the labels onto the items and says so. Without it, nobody says so.

    Attributes:
        apply: Told that a label is ready: an address as in `[outputs]`, or "none".
        applied: Who says that a label is on its item: "answer" (to `apply`), or an input.
        fault: Input that says that it cannot, or "none".
        clear: Button or input that says that nothing lies there any more, or "none".
        confirm_timeout_s: Running time after which a label that came out must be on its item; less
            than from one item to the next.
    """

    apply: Address = "none"
    applied: Address = "answer"
    fault: Address = "none"
    clear: Address = "none"
    confirm_timeout_s: Seconds = 1.5

    @model_validator(mode="after")
    def _says_that_it_applied(self) -> Self:
        if self.applied == "none":
            raise ValueError("applied must be an input, or answer")
        if self.applied == "answer" and (self.apply == "none" or self.apply.startswith("gpio:")):
            raise ValueError("applied must be an input: only apply over tcp:// or mqtt:// answers")
        if "answer" in (self.fault, self.clear):
            raise ValueError(
                "fault and clear must be inputs, or none: FAILED and CLEAR are heard anyway"
            )
        return self
