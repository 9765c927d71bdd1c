# SPDX-License-Identifier: Apache-2.0
"""Where files come from and where they go: an HTTPS server with a certificate of its own, and the platform's two upload
calls in front of the simulator."""
import json
import re
import ssl
import subprocess
import threading
import urllib.parse
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kit.process import free_port
from kit.web import request

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256))
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(range(256))
GIF = b"GIF89a\1\0\1\0\0\0\0;"
BMP = b"BM\x9a\0\0\0\0\0\0\0\x7a\0\0\0\x6c\0\0\0" + bytes(136)
MP3 = b"ID3\3\0\0\0\0\0\0" + b"\xff\xfb\x90\x64" + bytes(400)
AMR = b"#!AMR\n\x3c" + bytes(31)
MP4 = b"\0\0\0\x18ftypisom\0\0\2\0isommp42" + bytes(64)

UPLOADIMG, UPLOAD = "/cgi-bin/media/uploadimg", "/cgi-bin/media/upload"


def certificate(folder, names="IP:127.0.0.1,DNS:localhost"):
    """(certificate, key), signed by itself."""
    files = folder / "files.pem", folder / "files.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=files", "-addext", f"subjectAltName={names}", "-out", files[0],
                    "-keyout", files[1]], check=True, capture_output=True, timeout=60)
    return tuple(map(str, files))


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_):
        pass  # a peer that was killed, or hung up as it should


class Listening:
    """A server of one handler class on a port of its own; counts connections."""

    def __init__(self, handler, context=None):
        self.port = free_port()
        self.connections = 0
        listening = self

        class Counting(Server):
            def verify_request(self, *_):
                listening.connections += 1
                return True

        self._server = Counting(("127.0.0.1", self.port), handler)
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                      do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class Files(Listening):
    """Serves what `put` gave it; asked holds every path that was asked for."""

    def __init__(self, folder):
        self.ca_file, key = certificate(folder)
        self.answers = {}
        self.asked = []
        self.headers = []
        files = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                files._answer(self)

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, key)
        super().__init__(Handler, context)

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def put(self, path, *bodies, status=200, headers=(), length=None, wait=None):
        """The bodies one after the other, the last one for ever; its address. length: another than the true one;
        wait: an event to wait for in the midst of it."""
        self.answers[path] = (list(bodies) or [b""], status, dict(headers), length, wait)
        return f"https://{self.host}{path}"

    def _answer(self, handler):
        path = urllib.parse.urlsplit(handler.path).path
        self.asked.append(path)
        self.headers.append({name.lower(): value for name, value in handler.headers.items()})
        bodies, status, headers, length, wait = self.answers.get(path, ([b""], 404, {}, None, None))
        body = bodies.pop(0) if len(bodies) > 1 else bodies[0]
        if isinstance(body, int):
            status, body = body, b""
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if length != "none":
            handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body[:10])
        handler.wfile.flush()
        if wait:
            wait.wait(60)
        handler.wfile.write(body[10:])


@dataclass
class Upload:
    """One form as it came."""
    path: str
    query: dict
    headers: dict
    name: str
    filename: str
    content_type: str
    body: bytes


class Uploads(Listening):
    """The platform where files go to; everything else is the simulator's. uploads holds what came; scripted answers are
    given first: a dict is JSON, None cuts the connection."""

    def __init__(self, sim):
        self.sim = sim
        self.uploads = []
        self.script = []
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                front._forward(self, b"")

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if urllib.parse.urlsplit(self.path).path in (UPLOADIMG, UPLOAD):
                    front._take(self, body)
                else:
                    front._forward(self, body)

            def log_message(self, *_):
                pass

        super().__init__(Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _forward(self, handler, body):
        headers = {name: value for name, value in handler.headers.items()
                   if name.lower() in ("content-type", "traceparent")}
        reply = request(("127.0.0.1", self.sim.port), handler.command, handler.path, body or None, headers=headers)
        self._reply(handler, reply.status, reply.body.encode())

    @staticmethod
    def _reply(handler, status, body):
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _take(self, handler, body):
        upload = self._parse(handler, body)
        self.uploads.append(upload)
        answer = self.script.pop(0) if self.script else self._answer(upload)
        if answer is None:
            handler.close_connection = True
            return
        self._reply(handler, 200, json.dumps(answer).encode())

    @staticmethod
    def _parse(handler, body):
        """By hand: the bytes of a file are not mail."""
        boundary = re.fullmatch(r"multipart/form-data; boundary=(\S+)", handler.headers["Content-Type"])[1].encode()
        begin, end = b"--" + boundary + b"\r\n", b"\r\n--" + boundary + b"--\r\n"
        assert body.startswith(begin) and body.endswith(end) and body.count(boundary) == 2, body[:200]
        head, content = body[len(begin):-len(end)].split(b"\r\n\r\n", 1)
        named = re.fullmatch(r'Content-Disposition: form-data; name="([^"]*)"; filename="([^"]*)"\r\n'
                             r"Content-Type: (\S+)", head.decode())
        url = urllib.parse.urlsplit(handler.path)
        return Upload(url.path, dict(urllib.parse.parse_qsl(url.query)),
                      {name.lower(): value for name, value in handler.headers.items()}, *named.groups(), content)

    def _answer(self, upload):
        if upload.path == UPLOADIMG:
            return {"url": f"http://mmbiz.qpic.cn/mmbiz_png/{len(self.uploads)}/0"}
        return {"type": upload.query.get("type"), "media_id": f"media-{len(self.uploads)}", "created_at": 1760000000}
