"""What a request may hold; what is wrong with it is told in words that name it."""

import json

import pytest
from programs import (
    CHAT,
    JSON,
    RED,
    data_url,
    film,
    picture,
    png,
    question,
    refusal,
    said,
    text,
    user,
)

from ntlbg.serve.completions.asked import LONGEST_QUESTION, talk_of
from ntlbg.serve.completions.body import IGNORED, MOST_MARKS, MOST_MESSAGES, NEUTRAL, Body
from ntlbg.types import Turn


@pytest.mark.parametrize(("name", "value"), [
    ("n", 2), ("n", True), ("n", "1"), ("stop", "red"), ("stop", ["red"]),
    ("tools", [{"type": "function", "function": {"name": "f"}}]), ("logprobs", True),
    ("top_logprobs", 3), ("logit_bias", {"5": 1}), ("presence_penalty", 0.5),
    ("frequency_penalty", -1), ("response_format", {"type": "json_object"}),
    ("response_format", {"type": "json_schema", "json_schema": {}}), ("modalities", ["audio"]),
    ("audio", {"voice": "alloy"}), ("prediction", {}), ("reasoning_effort", "high"),
    ("web_search_options", {}), ("top_k", 5), ("temprature", 0),
])  # fmt: skip
def test_what_would_change_the_answer_is_refused(calling, name, value):
    error = refusal(calling, question(**{name: value}))
    assert error["param"] == name
    assert error["code"] in ("unsupported_parameter", "unknown_parameter")


@pytest.mark.parametrize(("name", "value"), [
    ("temperature", 3), ("temperature", "hot"), ("top_p", 0), ("max_tokens", 0),
    ("max_tokens", 1.5), ("max_tokens", True), ("stream", "yes"), ("stream_options", {"other": 1}),
    ("model", 5), ("messages", []), ("messages", "Is it red?"), ("ntlbg", {"frames": 3}),
    ("ntlbg", []), ("ntlbg", {"num_frames": 65}), ("ntlbg", {"num_frames": "4"}),
    ("ntlbg", {"num_frames": 0}), ("ntlbg", {"max_visual_tokens": 0}),
    ("ntlbg", {"start_seconds": -1}), ("ntlbg", {"options": "red"}), ("ntlbg", {"options": [1, 2]}),
    ("ntlbg", {"subtitles": True}),
])  # fmt: skip
def test_a_wrong_value_is_refused_by_name(calling, name, value):
    error = refusal(calling, question(**{name: value}))
    assert error["param"].startswith(name)
    assert error["code"] == "invalid_value"


@pytest.mark.parametrize(("changed", "words"), [
    ({"max_tokens": 5, "max_completion_tokens": 6}, "give one of them"),
    ({"top_p": 0.5}, "give a temperature too"),
    ({"temperature": 0.5, "seed": -1}, "seed is -1"),
    ({"temperature": 0.001}, "temperature is 0.001"),
    ({"ntlbg": {"start_seconds": 9, "end_seconds": 2}}, "9"),
    ({"ntlbg": {"options": ["red"]}}, "at least two"),
    ({"ntlbg": {"subtitles": "film.srt"}}, "no file of subtitles 'film.srt'"),
])  # fmt: skip
def test_what_does_not_fit_together_is_refused_in_words(calling, changed, words):
    status = 404 if "subtitles" in changed.get("ntlbg", {}) else 400
    assert words in refusal(calling, question(**changed), status)["message"]


def test_what_changes_nothing_is_taken(calling):
    neutral = {name: value for name, values in NEUTRAL.items() for value in values}
    usual = {"temperature": 0, "top_p": 0.9, "seed": 3, "max_tokens": 20, "logit_bias": None,
             "a_new_one": None}  # fmt: skip
    harmless = dict.fromkeys(IGNORED, "any")
    answered = calling.post(CHAT, json=question(**neutral, **harmless) | usual)
    assert answered.json()["choices"][0]["message"]["content"] == "red"
    plain = calling.post(CHAT, json=question())
    assert answered.json()["ntlbg"]["evidence"] == plain.json()["ntlbg"]["evidence"]


@pytest.mark.parametrize(("messages", "words"), [
    ([user(film()), said("red")], "the last message is of assistant"),
    ([user(film())], "no text"),
    ([user(film(), text(" \n"))], "no text"),
    ([user(film(), film("talks/talk.mp4"), text(RED))], "shows 2 things"),
    ([user(film(), picture(data_url(png())), text(RED))], "a film and a picture"),
    ([user(film(), text(RED)), said("red"), user(picture(data_url(png())), text(RED))],
     "a film and a picture"),
    ([user(picture(data_url(png())), picture(data_url(png(9))), text(RED))], "shows 2 things"),
    ([{"role": "system", "content": [film()]}, user(text(RED))], "only messages of user"),
    ([{"role": "tool", "content": "4", "tool_call_id": "x"}, user(film(), text(RED))], "role"),
    ([user({"type": "input_audio", "input_audio": {}}, text(RED))], "input_audio"),
    ([user({"type": "text"})], "text"),
    ([{"role": "user", "content": None}], "content"),
    ([{"role": "user"}], "content"),
    ([{"content": "Is it red?"}], "role"),
    ([user(film(), text("?" * (LONGEST_QUESTION + 1)))], "characters"),
])  # fmt: skip
def test_a_conversation_that_asks_nothing_clear_is_refused(calling, messages, words):
    error = refusal(calling, question(*messages))
    assert words in error["message"]
    assert error["param"].startswith("messages.")


@pytest.mark.parametrize("empty", [None, [], {}])
def test_what_clients_leave_empty_in_messages_is_taken(calling, empty):
    more = {"tool_calls": empty, "annotations": empty, "refusal": empty, "name": empty}
    messages = [user(film(), text(RED)), {"role": "assistant", "content": None} | more,
                {"role": "user", "content": "Is it blue?"} | more]  # fmt: skip
    answered = calling.post(CHAT, json=question(*messages))
    assert answered.json()["choices"][0]["message"]["content"] == "blue"


@pytest.mark.parametrize("body", [
    b"", b"{", b"\xff\xfe", b"[" * 150_000, b'{"a":' * 150_000, b"{} {}", b'{"model": "\\ud800"}',
    b'{"metadata": NaN}', b'{"metadata": Infinity}', b'{"seed": 1' + b"0" * 5000 + b"}",
], ids=lambda body: str(body[:12]))  # fmt: skip
def test_what_is_no_json_is_refused(calling, body):
    assert refusal(calling, body)["code"] == "invalid_json"


@pytest.mark.parametrize("body", [b"[]", b"null", b"5", b'"text"', b"true"])
def test_what_is_no_object_is_refused(calling, body):
    assert "no object" in refusal(calling, body)["message"]


def test_what_would_take_much_memory_is_refused_unread(calling):
    body = b'{"metadata": [' + b"{}," * MOST_MARKS + b"{}]}"
    assert f"more than {MOST_MARKS:,}" in refusal(calling, body)["message"]
    assert calling.post(CHAT, json=question(metadata=[1] * (MOST_MARKS // 2))).status_code == 200


def test_deep_nesting_in_any_place_is_refused(calling):
    for depth in (100, 150, 250, 5000, 50_000):
        deep = "[" * depth + "]" * depth
        for name in ("messages", "tools", "ntlbg", "model", "metadata", "stop", "other"):
            body = json.dumps(question() | {name: 0})
            body = body.replace(f'"{name}": 0', f'"{name}": {deep}').encode()
            taken = name == "metadata" and depth < 200
            answered = calling.post(CHAT, content=body, headers=JSON)
            assert answered.status_code == (200 if taken else 400), (name, depth)


def test_many_messages_are_refused(calling):
    messages = [user(film(), text(RED)), said("red")] * (MOST_MESSAGES // 2)
    assert calling.post(CHAT, json=question(*messages[:-1])).status_code == 200
    assert "messages" in refusal(calling, question(*messages, *messages))["param"]


def test_other_calls_are_refused_as_objects_too(calling):
    for method, path, status in (
        ("GET", CHAT, 405), ("PUT", "/v1/models", 405), ("POST", "/v1/completions", 404),
        ("POST", "/v1/embeddings", 404), ("GET", "/v1/", 404), ("DELETE", "/v1/models/ntlbg", 405),
    ):  # fmt: skip
        answered = calling.request(method, path)
        assert answered.status_code == status, path
        assert "GET /v1/models" in answered.json()["error"]["message"]
    for kind in ("text/plain", "", "application/x-www-form-urlencoded", "multipart/form-data"):
        answered = calling.post(
            CHAT, content=json.dumps(question()), headers={"content-type": kind}
        )
        assert answered.status_code == 415
        assert "application/json" in answered.json()["error"]["message"]


ONE, TWO = film("a.mp4"), film("b.mp4")


@pytest.mark.parametrize(("messages", "turns"), [
    ([user(ONE, text("Red?"))], []),
    ([user(ONE, text("Red?")), said("Yes."), user(text("And blue?"))], [("Red?", "Yes.")]),
    ([user(ONE, text("Red?")), said("Yes."), user(ONE, text("And blue?"))], [("Red?", "Yes.")]),
    ([user(ONE, text("Red?")), said("Yes."), user(TWO, text("And blue?"))], []),
    ([user(ONE, text("Red?")), said("Yes."), user(TWO, text("Blue?")), said("No."),
      user(text("Why?"))], [("Blue?", "No.")]),
    ([user(ONE, text("Red?")), user(text("Or blue?")), said("Red."), user(text("When?"))],
     [("Or blue?", "Red.")]),
    ([said("Hello."), user(ONE, text("Red?"))], []),
])  # fmt: skip
def test_a_talk_is_about_what_is_shown_last(messages, turns):
    body = Body(**question(*messages))
    assert talk_of(body.messages) == tuple(Turn(*one) for one in turns)
