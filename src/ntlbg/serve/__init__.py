"""Where others meet it: programs that ask about films in folders that somebody let them read.

Reading order: `roots` (which files), `films` (what can be asked of one), `replies` (how much is
told), `jpegs` (pictures that fit a reply), `steps` (how far work has come), `mcp` (agents).
"""
