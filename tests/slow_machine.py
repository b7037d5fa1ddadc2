"""What is known to go wrong where the machine cannot keep up, and is still to be mended."""

import pytest

from edge_agent.vision.processor import has_instructions

# Three stations and their belts take all that two cores without VNNI have. A label then lands on
# the item behind now and then, and no part notices that it was late. Why is not known yet;
# suspected: pictures wait before the agent reads them, and it takes them for new.
cannot_keep_up = pytest.mark.xfail(
    not has_instructions("avx512_vnni", "avx_vnni"),
    reason="labels land on the wrong item where the machine cannot keep up",
    strict=False,
)
