"""Which of the files of a film is taken: decided by yt-dlp, by the rules that it is given."""

import pytest

from ntlbg.links.client import Client
from ntlbg.links.guard import guarding
from ntlbg.links.meter import Meter


def form(name, height=None, vcodec="avc1", acodec="mp4a", ext="mp4", protocol="https"):
    return {"format_id": name, "height": height, "vcodec": vcodec, "acodec": acodec, "ext": ext,
            "protocol": protocol, "url": f"https://example.org/{name}"}  # fmt: skip


def seen(name, height, vcodec="avc1", **more):
    return form(name, height, vcodec, "none", **more)


SOUND = form("sound", None, "none", "mp4a", "m4a")


@pytest.mark.parametrize(
    ("formats", "taken"),
    [
        ([form("360", 360), form("480", 480), form("720", 720), form("1080", 1080)], ["720"]),
        ([form("1080", 1080), form("2160", 2160)], ["1080"]),
        ([form("360", 360), seen("v720", 720), seen("v1080", 1080), SOUND], ["v720", "sound"]),
        ([form("480", 480), seen("v720", 720), SOUND], ["480"]),
        ([form("360", 360)], ["360"]),
        ([form("file", None, None, None)], ["file"]),
        ([seen("av1", 720, "av01"), seen("vp9", 720, "vp9"), seen("avc", 720), SOUND],
         ["avc", "sound"]),
        ([form("rtmp", 720, protocol="rtmp"), form("360", 360)], ["360"]),
        ([form("hls", 720, protocol="m3u8_native"), form("rtmp", 720, protocol="rtmp")], ["hls"]),
        ([seen("silent", 720)], ["silent"]),
        ([SOUND], ["sound"]),  # and then refused
        ([form("rtmp", 720, protocol="rtmp")], []),
    ],
)  # fmt: skip
def test_the_file_that_is_taken(formats, taken):
    with guarding(False) as guard:
        client = Client("x", guard, Meter("x"))
        info = {"id": "1", "title": "t", "extractor": "x", "formats": formats}
        found = client.process_ie_result(info, download=False)
    chosen = found.get("requested_formats") or ([found] if found.get("url") else [])
    assert [one["format_id"] for one in chosen] == taken
