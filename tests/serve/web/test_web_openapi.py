"""The description has every call, and nothing else; every other test checks what is answered."""

import re

import jsonschema
from sites import PORT, Client

from ntlbg.serve.web.app import make_app


def test_every_call_is_described(site):
    routes = make_app(site, PORT).app.routes
    served = {
        (re.sub(r":path", "", route.path), method.lower())
        for route in routes
        for method in route.methods - {"HEAD"}
    }
    described = Client(site).get("/openapi.json").json()["paths"].items()
    assert served == {
        (path, one) for path, calls in described for one in calls.keys() - {"parameters"}
    }


def test_it_is_json_schema_and_its_parameters_are_those_of_the_paths(client):
    described = client.get("/openapi.json").json()
    for schema in described["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for path, calls in described["paths"].items():
        named = {one["name"] for one in calls.get("parameters", []) if one["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path))
        for method in calls.keys() - {"parameters"}:
            assert calls[method]["responses"]["default"]


def test_what_may_be_asked_is_what_is_described(client):
    schema = client.get("/openapi.json").json()["components"]["schemas"]["Asked"]
    check = jsonschema.Draft202012Validator(schema)
    good = {"kind": "ask", "film": "x", "question": "Is it red?"}
    for body in (good, good | {"num_frames": 3, "options": ["a", "b"], "after": None}):
        assert check.is_valid(body)
    for body in ({}, good | {"kind": "other"}, good | {"num_frames": 0}, good | {"more": 1}):
        assert not check.is_valid(body)
        assert client.post("/api/jobs", json=body).status_code == 400
