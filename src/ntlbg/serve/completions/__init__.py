"""Programs ask about films as they ask any model: the chat interface of OpenAI.

Reading order: `routes` (what can be called), `body` (what is sent), `asked` (what of it is asked,
about which film or picture), `turns` (one at a time), `job` (work that somebody reads along),
`work` (what it does), `sending` (whole or piece by piece), `objects` (how an answer is written),
`refusals` (and how an error is).
"""
