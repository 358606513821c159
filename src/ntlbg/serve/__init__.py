"""Where others meet it: programs that ask about films in folders that somebody let them read.

Reading order: `roots` (which files), `films` (what can be asked of one), `parts` (the model),
`wording` (lines), `replies` (how many of them), `jpegs` (pictures that fit a reply), `steps` (how
far work has come), `ports` (where somebody listens), `mcp` (agents), `transports` (how they reach
it); `web` is the page for people.
"""
