# SPDX-License-Identifier: Apache-2.0
"""media.uploadimg and media.upload: what is sent is what it is, from where the operator allows, and once."""
import base64
import json
import threading

import pytest
from kit.files import AMR, BMP, GIF, JPEG, MP3, MP4, PNG, UPLOAD, UPLOADIMG, Files, Listening, Uploads
from kit.population import accounts
from kit.probe import QUICK_GROUP
from kit.program import run_tool
from kit.records import wechat_command
from kit.scale import count
from kit.waiting import wait_for

MIB = 1 << 20
INLINE_MAX = 700 * 1024
SHORT = {"lanes": 8, "drain_timeout_ms": 3000, "retry_initial_ms": 50, "retry_max_ms": 300, "crash_limit": 100,
         "max_attempts": 3}


class System:
    """kabao-command between a file server and a platform that takes files."""

    def __init__(self, config, run, kafka, files, platform):
        self.config, self.run, self.kafka, self.files, self.platform = config, run, kafka, files, platform
        run("token", config, ready=False)
        self.worker = self.start()

    def start(self, name="one", ready=True):
        return self.run("command", self.config.with_(kafka={**QUICK_GROUP, "group.instance.id": name}), ready=ready)

    def img(self, **body):
        return self.send("media.uploadimg", {"filename": "a", **body})

    def media(self, type_, **body):
        return self.send("media.upload", {"filename": "a", "type": type_, **body})

    def send(self, type_, body):
        if isinstance(body.get("content"), bytes):
            body = {**body, "content_type": "text/html",
                    "content_base64": base64.b64encode(body["content"]).decode()}
            del body["content"]
        record = wechat_command(type_, body)
        self.kafka.produce("cmd.wechat", *record)
        return record

    def results(self, record):
        return [r.json for r in self.kafka.read("result.wechat") if r.json["command_id"] == record[2]["ce_id"]]

    def result(self, record, count=1, timeout=30):
        wait_for(lambda: len(self.results(record)) >= count, timeout,
                 lambda: f"{count} results of {record[2]}; {self.worker.log_text()[-1500:]}")
        return self.results(record)[-1]

    def outcome(self, record, **more):
        result = self.result(record, **more)
        return result["outcome"], result.get("error", {}).get("code")

    def done(self, record, **more):
        result = self.result(record, **more)
        assert result["outcome"] == "done", result
        return result["answer"]


@pytest.fixture
def system(apply, config, run, start_sim, kafka, tmp_path):
    stopped = []

    def start(hosts="{files}", **worker):
        files = Files(tmp_path)
        platform = Uploads(start_sim(accounts()))
        stopped.extend((files, platform))
        ready = config.with_({
            "wechat": {"base_url": platform.url, "ca_file": files.ca_file},
            "media": {"hosts": hosts.replace("{files}", files.host).replace("{port}", str(files.port))},
            "worker": {**SHORT, **worker}})
        apply(ready)
        return System(ready, run, kafka, files, platform)
    yield start
    for server in stopped:
        server.stop()


def test_what_is_sent_is_the_file_as_what_it_is(system):
    s = system()
    cases = [("image", JPEG, "jpg", "image/jpeg"), ("image", PNG, "png", "image/png"),
             ("image", GIF, "gif", "image/gif"), ("image", BMP, "bmp", "image/bmp"),
             ("voice", MP3, "mp3", "audio/mpeg"), ("voice", AMR, "amr", "audio/amr"),
             ("video", MP4, "mp4", "video/mp4"), ("thumb", JPEG, "jpg", "image/jpeg")]
    for type_, content, extension, content_type in cases:
        for body in ({"content": content}, {"url": s.files.put(f"/{type_}.{extension}", content)}):
            before = len(s.platform.uploads)
            answer = s.done(s.media(type_, **{**body, "filename": "会员 logo.exe"}))
            assert answer == {"type": type_, "media_id": f"media-{before + 1}", "created_at": 1760000000}
            (upload,) = s.platform.uploads[before:]
            assert (upload.path, upload.query["type"], upload.name) == (UPLOAD, type_, "media")
            assert (upload.filename, upload.content_type) == (f"___logo.{extension}", content_type)
            assert upload.body == content
    for content, name, content_type in ((PNG, "a.png", "image/png"), (JPEG, "a.jpg", "image/jpeg")):
        record = s.img(content=content)
        assert s.done(record) == {"url": f"http://mmbiz.qpic.cn/mmbiz_png/{len(s.platform.uploads)}/0"}
        upload = s.platform.uploads[-1]
        assert (upload.path, upload.name) == (UPLOADIMG, "buffer")
        assert (upload.filename, upload.content_type) == (name, content_type)
        assert set(upload.query) == {"access_token"} and upload.body == content
        assert upload.headers["traceparent"].split("-")[1] == record[2]["traceparent"].split("-")[1]
    assert s.kafka.read("dlq.command") == []
    assert not s.worker.log_lines("media.elsewhere")
    assert all("authorization" not in h and "cookie" not in h for h in s.files.headers)


def test_large_files_go_through_and_larger_ones_do_not(system):
    s = system()
    put = s.files.put
    good = [s.img(content=PNG.ljust(INLINE_MAX, b"x")), s.img(url=put("/1", PNG.ljust(MIB, b"x"))),
            s.media("image", url=put("/2", PNG.ljust(10 * MIB, b"x"))),
            s.media("video", url=put("/3", MP4.ljust(10 * MIB, b"x")))]
    bad = [s.img(url=put("/4", PNG.ljust(MIB + 1, b"x"))),
           s.img(url=put("/5", PNG.ljust(MIB + 1, b"x"), length="none")),
           s.media("image", url=put("/6", PNG.ljust(10 * MIB + 1, b"x"), length="none")),
           s.media("voice", url=put("/7", MP3.ljust(2 * MIB + 1, b"x"))),
           s.media("thumb", url=put("/8", JPEG.ljust(65537, b"x"))), s.media("thumb", content=JPEG.ljust(65537, b"x"))]
    for record in good:
        s.done(record)
    arrived = {(None, INLINE_MAX), (None, MIB), ("image", 10 * MIB), ("video", 10 * MIB)}

    def seen():  # as a set: what took too long on a slow machine is sent again
        return {(u.query.get("type"), len(u.body)) for u in s.platform.uploads}

    assert seen() == arrived
    assert [s.outcome(record) for record in bad] == [("rejected", "media:size")] * len(bad)
    record = s.img(content=PNG.ljust(INLINE_MAX + 3, b"x"))
    assert s.outcome(record) == ("rejected", "schema")
    assert seen() == arrived


def test_who_asks_for_something_else_is_refused_by_name(system):
    s = system(hosts="{files} localhost:{port} 2130706433:{port} 127.1:{port} 0x7f000001:{port} cdn.example")
    put, host, port = s.files.put, s.files.host, s.files.port
    ok = put("/ok", PNG)
    inside = Listening(type("Nobody", (), {"__init__": lambda *_: None}))
    cases = [
        ("media:host", "http://cdn.example/a.png"), ("media:host", ok.replace("https", "http")),
        ("media:host", "file:///etc/passwd"), ("media:host", "ftp://cdn.example/a"),
        ("media:host", "https://evil.example/a"), ("media:host", ok.replace("//", "//user:pass@")),
        ("media:host", ok.replace(f":{port}", "")), ("media:host", f"https://127.0.0.1:{inside.port}/"),
        ("media:host", f"https://[::ffff:127.0.0.1]:{port}/ok"), ("media:host", f"https://[::1]:{port}/ok"),
        ("media:host", f"https://LOCALHOST:{port}/ok"), ("media:host", f"https://cdn.example@{host}/ok"),
        ("media:host", "https://cdn.example./a"),
        ("media:address", f"https://localhost:{port}/ok"),
        ("media:address", f"https://2130706433:{port}/ok"), ("media:address", f"https://127.1:{port}/ok"),
        ("media:address", f"https://0x7f000001:{port}/ok"),
        ("media:redirect", put("/301", status=301, headers={"Location": ok})),
        ("media:redirect", put("/302", status=302, headers={"Location": f"https://127.0.0.1:{inside.port}/"})),
        ("media:redirect", put("/307", status=307, headers={"Location": "http://169.254.169.254/"})),
        ("media:redirect", put("/308", status=308, headers={"Location": ok})),
        ("media:fetch", f"https://{host}/missing"), ("media:fetch", put("/403", b"no", status=403)),
        ("media:fetch", put("/206", PNG, status=206)),
        ("media:type", put("/html", b"<html>" + PNG)), ("media:type", put("/empty", b"")),
        ("media:type", put("/gif", GIF)), ("media:type", put("/liar", MP4, headers={"Content-Type": "image/png"})),
    ]
    sent = [(code, url, s.img(url=url + "?token=5ecre7")) for code, url in cases]
    for code, url, record in sent:
        assert (url, s.outcome(record)) == (url, ("rejected", code))
    assert s.platform.uploads == [] and inside.connections == 0
    assert "/ok" not in s.files.asked
    assert "5ecre7" not in s.worker.log_text()
    assert all("5ecre7" not in r.value.decode() for r in s.kafka.read("result.wechat"))
    assert s.outcome(s.img(content=GIF)) == ("rejected", "media:type")
    assert s.outcome(s.media("voice", content=PNG)) == ("rejected", "media:type")
    assert s.outcome(s.img(content_type="image/png", content_base64="iVBOR")) == ("rejected", "media:base64")
    s.done(s.img(url=ok))
    inside.stop()


def test_a_proxy_of_the_environment_is_passed_by(system, monkeypatch):
    proxy = Listening(type("Nobody", (), {"__init__": lambda *_: None}))
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    s = system(hosts="{files} localhost:{port}")
    s.done(s.img(url=s.files.put("/ok", PNG)))
    assert s.outcome(s.img(url=f"https://localhost:{s.files.port}/ok")) == ("rejected", "media:address")
    assert proxy.connections == 0
    proxy.stop()


def test_what_cannot_be_fetched_now_is_tried_again(system):
    s = system()
    end = threading.Event()
    drips = s.img(url=s.files.put("/drip", PNG, wait=end))
    assert s.done(s.img(url=s.files.put("/later", 503, 429, PNG)))["url"]
    assert s.files.asked.count("/later") == 3
    record = s.img(url=s.files.put("/never", 500))
    assert s.outcome(record) == ("failed", "exhausted")
    assert s.files.asked.count("/never") == SHORT["max_attempts"]
    assert len(s.platform.uploads) == 1
    half = s.img(url=s.files.put("/half", PNG, length=len(PNG) + 1))
    assert s.outcome(half) == ("failed", "exhausted")
    assert s.outcome(drips, timeout=60) == ("failed", "exhausted")
    end.set()
    assert len(s.platform.uploads) == 1


def test_what_the_platform_says_is_heeded(system):
    s = system()
    s.platform.script = [{"errcode": 42001, "errmsg": "access_token expired"}]
    s.done(s.img(url=s.files.put("/ok", PNG)))
    first, second = s.platform.uploads
    assert first.body == second.body == PNG
    assert first.query["access_token"] != second.query["access_token"]
    assert s.files.asked == ["/ok"]
    s.platform.script = [{"errcode": 40005, "errmsg": "invalid file type"}, {"errcode": 41005, "errmsg": "no media"}]
    for code in (40005, 41005):
        result = s.result(s.img(content=PNG))
        assert (result["outcome"], result["errcode"], result["error"]["code"]) == ("rejected", code, f"wechat:{code}")
    s.platform.script = [{"url": "http://mmecoa.qpic.cn/x/0"}]
    assert s.done(s.img(content=PNG)) == {"url": "http://mmecoa.qpic.cn/x/0"}
    (line,) = s.worker.log_lines("media.elsewhere")
    assert line["level"] == "warn"


def test_a_command_is_done_once_where_its_end_is_known(system):
    s = system()
    record = s.img(url=s.files.put("/ok", PNG, 404))
    first = s.done(record)
    s.kafka.produce("cmd.wechat", *record)
    assert s.done(record, count=2) == first
    assert s.files.asked == ["/ok"] and len(s.platform.uploads) == 1
    one, two = s.results(record)
    assert json.dumps(one) == json.dumps(two)
    s.platform.uploads.clear()
    s.platform.script = [None]  # nobody knows whether it arrived
    s.done(s.img(url=s.files.put("/cut", PNG)), timeout=60)
    assert [u.body for u in s.platform.uploads] == [PNG, PNG]


def test_killed_at_any_moment_every_file_arrives(system):
    s = system(lanes=4)
    number = count(60, 12)
    records = [s.img(url=s.files.put(f"/{n}", PNG + str(n).encode())) for n in range(number)]
    for _ in range(count(6, 2)):
        before = len(s.platform.uploads)
        wait_for(lambda: len(s.platform.uploads) > before or len(s.platform.uploads) >= number, 60, "an upload")
        s.worker.kill()
        s.worker = s.start(ready=False)
    for record in records:
        s.done(record, timeout=90)
    assert {u.body for u in s.platform.uploads} == {PNG + str(n).encode() for n in range(number)}
    assert s.kafka.read("dlq.command") == []


def test_the_list_is_checked_at_the_start(system, config, tmp_path):
    for hosts in ("https://cdn.example", "CDN.example", "cdn.example/a", "*.example", "a.example:0"):
        ini = config.with_(media={"hosts": hosts}).write(tmp_path / "bad.ini")
        done = run_tool("command", "--config", ini, "--check-config")
        assert done.returncode == 78 and "[media] hosts" in done.stderr + done.stdout, hosts
