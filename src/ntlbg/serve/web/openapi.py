"""A description of the API in the words of OpenAPI 3.1, whose schemas are JSON Schema."""

from typing import Any

from ntlbg import __version__
from ntlbg.serve.web.asked import Asked
from ntlbg.serve.web.records import KINDS, STATES

JSON_TYPE = "application/json"
TEXT = {"type": "string"}
TRUTH = {"type": "boolean"}
SHARE = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
TEXTS = {"type": "array", "items": TEXT}
FILM_ID = {
    "name": "id", "in": "path", "required": True, "schema": TEXT,
    "description": "Of a film: base64url of its name, as /api/films lists it.",
}  # fmt: skip
JOB_ID = FILM_ID | {"description": "Of a job."}


def _object(**properties: Any) -> dict[str, Any]:
    """With all of these and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _one(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _one(name)}


SCHEMAS: dict[str, Any] = {
    "Error": _object(error=TEXT),
    "Film": _object(id=TEXT, name=TEXT, uploaded=TRUTH),
    "Films": _object(films=_list("Film"), is_all=TRUTH, roots=TEXTS),
    "Facts": _object(
        id=TEXT, name=TEXT, uploaded=TRUTH, duration_seconds={"type": "number", "minimum": 0},
        width={"type": "integer"}, height={"type": "integer"}, codec=TEXT, is_still=TRUTH,
        plays=TRUTH, indexed={"type": ["boolean", "null"]},
        preview={"enum": ["none", "making", "ready", "failed"]}, preview_share=SHARE,
        first_picture_seconds={"type": "number"},
        words=_object(passages={"type": "integer", "minimum": 0}, streams=TEXTS), notes=TEXTS,
    ),
    "Job": _object(
        id=TEXT, kind={"enum": list(KINDS)}, film=TEXT, film_name=TEXT, request={"type": "object"},
        asked_at=TEXT | {"format": "date-time"}, state={"enum": list(STATES)},
        place={"type": ["integer", "null"], "minimum": 1}, share=SHARE,
        what={"type": ["string", "null"]}, left_seconds={"type": ["number", "null"], "minimum": 0},
        text=TEXT, error={"type": ["string", "null"]}, result={"type": ["object", "null"]},
        took_seconds={"type": ["number", "null"], "minimum": 0},
    ),
    "History": _object(records=_list("Job"), notes=TEXTS),
    "Uploaded": _object(id=TEXT, name=TEXT),
    "Gone": _object(id=TEXT),
    "Settings": _object(
        model=TEXT, encoder={"type": ["string", "null"]}, models=TEXTS, encoders=TEXTS,
        any_model=TRUTH, max_upload_bytes={"type": "integer"}, max_uploads={"type": "integer"},
        defaults={"type": "object"},
    ),
    "Asked": Asked.model_json_schema(),
}  # fmt: skip


def _gives(said: str, content: dict[str, Any], status: int = 200, **more: Any) -> dict[str, Any]:
    """A call that answers so, or with an error."""
    wrong = {"description": "What was wrong.", "content": {JSON_TYPE: {"schema": _one("Error")}}}
    answers = {str(status): {"description": said, "content": content}, "default": wrong}
    return {"summary": said, "responses": answers} | more


def _json(said: str, name: str, status: int = 200, **more: Any) -> dict[str, Any]:
    return _gives(said, {JSON_TYPE: {"schema": _one(name)}}, status, **more)


def _file(said: str, kind: str) -> dict[str, Any]:
    return _gives(said, {kind: {}})


def _query(name: str, said: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": TEXT, "description": said}


PATHS: dict[str, Any] = {
    "/": {"get": _file("The page.", "text/html")},
    "/static/{name}": {
        "get": _file("app.js and app.css.", "text/*"),
        "parameters": [FILM_ID | {"name": "name", "description": "app.js or app.css."}],
    },
    "/openapi.json": {"get": _file("This description.", JSON_TYPE)},
    "/api/settings": {"get": _json("What may be chosen, and limits.", "Settings")},
    "/api/films": {"get": _json("Films that may be asked about.", "Films")},
    "/api/films/{id}": {
        "get": _json(
            "Facts about a film; a preview is made where browsers do not play it.", "Facts",
            parameters=[_query("preview", "1: make a preview in any case.")],
        ),
        "parameters": [FILM_ID],
    },
    "/media/{id}": {"get": _file("The file, or ranges of it.", "*/*"), "parameters": [FILM_ID]},
    "/preview/{id}": {
        "get": _file("Its preview, with the same clock; 404 until it is ready.", "video/mp4"),
        "parameters": [FILM_ID],
    },
    "/strip/{id}": {
        "get": _file("Twelve pictures of it at equal times, in a row.", "image/jpeg"),
        "parameters": [FILM_ID],
    },
    "/api/uploads/{filename}": {
        "put": _json(
            "Upload a film: its bytes are the body.", "Uploaded", 201,
            requestBody={"content": {"application/octet-stream": {}}, "required": True},
        ),
        "parameters": [FILM_ID | {"name": "filename", "description": "As it is to be called."}],
    },
    "/api/uploads/{id}": {
        "delete": _json("Remove a film that was uploaded.", "Gone"), "parameters": [FILM_ID],
    },
    "/api/jobs": {
        "post": _json(
            "Ask a question, read a film, or cut clips.", "Job", 202,
            requestBody={"content": {JSON_TYPE: {"schema": _one("Asked")}}, "required": True},
        )
    },
    "/api/jobs/{id}": {
        "get": _json("A job as it is now.", "Job"),
        "delete": _json("Cancel a job.", "Job", 202),
        "parameters": [JOB_ID],
    },
    "/api/events": {
        "get": _file(
            "Server-sent events named job: all jobs that wait or run, then every change; the data "
            "is a Job.", "text/event-stream",
        )
    },
    "/api/history": {
        "get": _json(
            "All jobs that are kept, the newest last.", "History",
            parameters=[_query("film", "Id of a film: only jobs about it.")],
        )
    },
    "/api/history/{id}": {
        "delete": _json("Forget a job, and what is kept of it.", "Gone"), "parameters": [JOB_ID],
    },
    "/api/history/{id}/card": {
        "get": _file("An answered question as a piece of HTML.", "text/html"),
        "parameters": [JOB_ID],
    },
    "/api/history/{id}/clips/{file}": {
        "get": _file("A file that a job has cut, or clips.zip with all of them.", "*/*"),
        "parameters": [
            JOB_ID, FILM_ID | {"name": "file", "description": "In the job's result."},
        ],
    },
}  # fmt: skip


def description() -> dict[str, Any]:
    """All calls."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "ntlbg serve", "version": __version__},
        "paths": PATHS,
        "components": {"schemas": SCHEMAS},
    }
