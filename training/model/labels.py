"""What a label says that is no class; apart, so that looking after data does without torch."""

NOT_JUDGED = -1
"""Label of a region in which nothing is judged, and of objects too small to learn from."""

PADDING = -2
"""Label of rows that only fill up a batch."""
