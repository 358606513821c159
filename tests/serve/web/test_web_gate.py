"""Who is let in."""

import pytest
from sites import ADDRESS, PORT, Client

from ntlbg.errors import ConfigError
from ntlbg.serve.web.gate import STRICTEST, check_token, new_token

TOKEN = "a-token-of-16-signs"
POLICY = (
    "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; style-src 'self' "
    "'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@pytest.mark.parametrize(
    "host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"[::1]:{PORT}"]
)  # fmt: skip
def test_names_of_this_machine_are_served(client, host):
    for own in ({}, {"origin": f"http://{host}"}):
        assert client.get("/api/films", headers={"host": host} | own).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", "",
     f"localhost.evil.example:{PORT}"],
)  # fmt: skip
def test_other_names_are_not(client, host):
    """A name of somebody else that leads here would make his pages ours."""
    for path in ("/", "/api/films", "/static/app.js", "/openapi.json"):
        assert client.get(path, headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", f"http://127.0.0.1:{PORT + 1}", f"http://127.0.0.1:{PORT}.evil.example",
     f"http://localhost:{PORT}", "file://", ""],
)  # fmt: skip
def test_pages_of_others_cannot_ask(client, origin):
    for method, path in (
        ("GET", "/api/films"),
        ("POST", "/api/jobs"),
        ("PUT", "/api/uploads/a.mp4"),
    ):
        answer = client.request(method, path, headers={"origin": origin})
        assert answer.status_code == 403, path


@pytest.mark.parametrize("other", ["cross-site", "same-site", "anything"])
def test_only_the_page_itself_is_opened_from_elsewhere(client, other):
    headers = {"sec-fetch-site": other}
    assert client.get("/", headers=headers).status_code == 200
    for path in ("/api/films", "/static/app.js", "/media/x", "/api/events"):
        assert client.get(path, headers=headers).status_code == 403
    assert client.post("/", headers=headers).status_code == 403
    for own in ("same-origin", "none"):
        assert client.get("/api/films", headers={"sec-fetch-site": own}).status_code == 200


def test_every_answer_says_what_browsers_may_do_with_it(client):
    for path, headers in (
        ("/", {}), ("/api/films", {}), ("/media/none", {}), ("/nothing", {}),
        ("/api/films", {"host": "evil.example"}),
    ):  # fmt: skip
        told = client.get(path, headers=headers).headers
        assert told["x-content-type-options"] == "nosniff"
        assert told["referrer-policy"] == "no-referrer"
        assert told["cross-origin-resource-policy"] == "same-origin"
        assert told["content-security-policy"] == (POLICY if path == "/" else STRICTEST)
        assert "access-control-allow-origin" not in told


def test_with_a_token_nobody_gets_anything_without_it(site):
    client = Client(site, token=TOKEN, any_host=True)
    for headers in (
        {}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"},
        {"authorization": TOKEN}, {"authorization": "Bearer "}, {"cookie": f"other={TOKEN}"},
        {"authorization": f"Bearer {TOKEN}x"}, {"authorization": "Bearer é".encode("latin-1")},
        {"cookie": f"ntlbg-{PORT}=wrong"},
    ):  # fmt: skip
        for path in ("/api/films", "/static/app.js", "/api/events", "/openapi.json", "/",
                     "/?token=wrong", f"/api/films?token={TOKEN}"):  # fmt: skip
            answer = client.get(path, headers=headers)
            assert answer.status_code == 401, (path, headers)
            assert TOKEN not in answer.text
    assert client.get("/api/films", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_the_printed_address_lets_a_browser_in(site):
    client = Client(site, token=TOKEN, any_host=True)
    answer = client.get(f"/?token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    told = answer.headers["set-cookie"].lower()
    assert "httponly" in told
    assert "samesite=strict" in told
    assert client.get("/api/films").status_code == 200  # the client keeps the cookie
    assert client.get("/", headers={"host": "my-machine.local:8642"}).status_code in (200, 401)


def test_any_name_of_the_machine_is_served_to_who_has_the_token(site):
    client = Client(site, token=TOKEN, any_host=True)
    headers = {"host": "my-machine:8642", "authorization": f"Bearer {TOKEN}"}
    assert client.get("/api/films", headers=headers).status_code == 200
    own = {"origin": "http://my-machine:8642"}
    assert client.get("/api/films", headers=headers | own).status_code == 200
    other = {"origin": ADDRESS}
    assert client.get("/api/films", headers=headers | other).status_code == 403


@pytest.mark.parametrize(
    "token", ["", "short", "a" * 15, "with spaces in it, really", "é" * 20, "a;b" * 10]
)
def test_tokens_that_can_be_guessed_or_not_be_sent_are_refused(token):
    with pytest.raises(ConfigError, match="--token"):
        check_token(token)


def test_made_tokens_are_long_and_never_the_same():
    made = {check_token(new_token()) for _ in range(100)}
    assert len(made) == 100
