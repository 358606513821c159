"""The page of ``ntlbg serve``, and the HTTP API that it is made of.

Reading order: `shelf` (films and their ids), `gate` (who is let in), `jobs` (one at a time, the
others wait), `records` (history on disk), `work` (what each job does), `asked` (what may be asked),
`media` (facts and pictures for players), `previews`, `uploads`, `site` (all of it together),
`film_calls`, `job_calls`, `upload_calls` (answers to requests), `app`, `openapi`, `starting`.
"""
