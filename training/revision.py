"""Asks of which commit this code is."""

import subprocess
from pathlib import Path


def code_revision() -> str:
    """Returns the commit of this code, or "unknown" outside a checkout."""
    try:
        told = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return told.stdout.strip()
