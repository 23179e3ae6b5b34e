"""Which code was at work: told by the cards of networks and by evaluations."""

from __future__ import annotations

import subprocess
from pathlib import Path


def revision() -> str:
    """Commit of the repository, marked where files differ from it; "unknown" outside a repository or without git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        told = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return told.stdout.strip() or "unknown"
