"""A description of the API in the words of OpenAPI."""

from typing import Any


def description() -> dict[str, Any]:
    """All calls."""
    return {"openapi": "3.1.0", "info": {"title": "ntlbg serve", "version": "1"}, "paths": {}}
