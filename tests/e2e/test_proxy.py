# SPDX-License-Identifier: Apache-2.0
"""The samples of deploy/proxy, by nginx and Caddy themselves, in front of two stand-ins for kabao-ingress."""
import contextlib
import http.client
import http.server
import os
import socket
import threading
import time

import pytest
from kit.process import Process, free_port
from kit.proxy import PROXY, Nginx, put_in, upstreams
from kit.tools import call, needs
from kit.waiting import wait_for


@pytest.fixture
def ingresses():
    """Two that note what reaches them; each answers with the status it is told to."""
    class Ingress(http.server.ThreadingHTTPServer):
        answer, daemon_threads = 200, True

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.server.seen.append((self.path, len(body)))
            if self.server.answer is None:
                time.sleep(6)
            with contextlib.suppress(BrokenPipeError):  # who waited has gone
                self.send_response(self.server.answer or 200)
                self.send_header("Content-Length", "7")
                self.end_headers()
                self.wfile.write(b"success")

        do_GET = do_POST

        def log_message(self, *_):
            pass

    servers = [Ingress(("127.0.0.1", 0), Handler) for _ in range(2)]
    for server in servers:
        server.seen = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield servers
    for server in servers:
        server.shutdown()
        server.server_close()


def end(ingress):
    ingress.shutdown()
    ingress.server_close()


def begin_again(ingress):
    """At the same address."""
    again = type(ingress)(("127.0.0.1", ingress.server_port), ingress.RequestHandlerClass)
    again.seen = []
    threading.Thread(target=again.serve_forever, daemon=True).start()
    return again


@pytest.fixture
def nginx(tmp_path, ingresses):
    """ask(method, path, body) -> (status, body) through nginx with our file."""
    server = Nginx(tmp_path, [ingress.server_port for ingress in ingresses]).start()
    yield asking(lambda: http.client.HTTPSConnection("127.0.0.1", server.port, timeout=10, context=server.context()))
    server.kill()


def asking(connect):
    def ask(method, path, body=None):
        connection = connect()
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    return ask


def test_nginx_passes_on_what_is_meant_for_kabao_and_nothing_else(nginx, ingresses, tmp_path):
    assert nginx("POST", "/wechat/shop?openid=oSecret", b"x" * 65536) == (200, b"success")
    assert nginx("POST", "/wechat/shop", b"x" * 65537)[0] == 413
    assert nginx("POST", "/v1/bonus", b"x" * 1048576) == (200, b"success")
    assert nginx("GET", "/wechat/shop/activate&card_id=p1&encrypt_code=cSecret")[0] == 200
    before = sum(len(i.seen) for i in ingresses)
    for path in ("/", "/metrics", "/healthz", "/v2/x", "/wechat"):
        assert nginx("GET", path)[0] == 404
    assert sum(len(i.seen) for i in ingresses) == before == 3
    log = (tmp_path / "kabao.log").read_text(encoding="utf-8")
    assert "/wechat/shop/activate" in log and "Secret" not in log
    assert {nginx("GET", "/wechat/shop/activate?card_id=p")[0] for _ in range(40)} == {200, 429}


def test_nginx_gives_a_push_to_the_other_ingress(nginx, ingresses, tmp_path):
    """A stopping ingress says 503; a dead one nothing. The API's commands are not sent twice."""
    ingresses[0].answer = 503
    assert {nginx("POST", "/wechat/shop", b"push")[0] for _ in range(8)} == {200}
    for ingress in ingresses:
        ingress.answer, ingress.seen[:] = 503, []
    assert nginx("POST", "/v1/commands/card.get", b"{}")[0] == 503
    assert sum(len(i.seen) for i in ingresses) == 1
    ingresses[1].answer = 200
    end(ingresses[0])
    assert {nginx("POST", "/wechat/shop", b"push")[0] for _ in range(8)} == {200}
    end(ingresses[1])
    assert nginx("POST", "/wechat/shop?openid=oSecret", b"push")[0] == 502
    assert not [path for path in tmp_path.glob("*log") if "Secret" in path.read_text(encoding="utf-8")]


def test_nginx_finds_the_ingress_that_is_back_when_the_other_one_stops(nginx, ingresses):
    """A rolling restart: between the two is no more time than a program takes to start."""
    for stopped in (0, 1, 0):
        end(ingresses[stopped])
        assert {nginx("POST", "/wechat/shop", b"push")[0] for _ in range(8)} == {200}
        ingresses[stopped] = begin_again(ingresses[stopped])


def test_nginx_answers_before_wechat_gives_up(nginx, ingresses):
    for ingress in ingresses:
        ingress.answer = None
    begun = time.monotonic()
    assert nginx("POST", "/wechat/shop", b"push")[0] in (502, 504)
    assert time.monotonic() - begun < 5


@pytest.fixture
def caddy(tmp_path, ingresses):
    """ask(method, path, body) -> (status, body) through Caddy with our file, without its TLS."""
    env = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    binary, port, site = needs("caddy"), free_port(), (PROXY / "Caddyfile").read_text(encoding="utf-8")
    call(binary, "validate", "--adapter", "caddyfile", "--config", PROXY / "Caddyfile", env=env)
    site = put_in(site, {"\tservers {": "\tadmin off\n\tservers {", "shop.example.com {": f"http://127.0.0.1:{port} {{",
                         **upstreams([ingress.server_port for ingress in ingresses])})
    config = tmp_path / "Caddyfile"
    config.write_text(site, encoding="utf-8")
    server = Process([binary, "run", "--adapter", "caddyfile", "--config", config], tmp_path / "caddy.log", env).start()
    wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 20, lambda: server.log_text())
    yield asking(lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=10))
    server.kill()


def test_caddy_passes_on_what_is_meant_for_kabao_and_nothing_else(caddy, ingresses):
    assert caddy("POST", "/wechat/shop?openid=oSecret", b"x" * 65536) == (200, b"success")
    assert caddy("POST", "/v1/bonus", b"x" * 1048576) == (200, b"success")
    for path in ("/", "/metrics", "/healthz", "/v2/x", "/wechat"):
        assert caddy("GET", path)[0] == 404
    assert sum(len(i.seen) for i in ingresses) == 2
    for _ in range(2):
        assert caddy("POST", "/wechat/shop", b"x" * 65537)[0] in (413, 502)
    assert caddy("POST", "/wechat/shop", b"push")[0] == 200, "nobody's ingress is closed by a stranger"


def test_caddy_goes_round_a_dead_ingress(caddy, ingresses, tmp_path):
    end(ingresses[0])
    assert {caddy("POST", path, b"push")[0] for path in ("/wechat/shop", "/v1/bonus") * 4} == {200}
    assert len(ingresses[1].seen) == 8
    end(ingresses[1])
    assert caddy("POST", "/wechat/shop?openid=oSecret", b"push")[0] in (502, 503)
    assert caddy("GET", "/wechat/shop/activate&card_id=p1&encrypt_code=cSecret")[0] in (502, 503)
    log = (tmp_path / "caddy.log").read_text(encoding="utf-8")
    assert "/wechat/shop" in log and "Secret" not in log


def test_caddy_answers_before_wechat_gives_up(caddy, ingresses):
    for ingress in ingresses:
        ingress.answer = None
    begun = time.monotonic()
    assert caddy("POST", "/wechat/shop", b"push")[0] in (502, 504)
    assert time.monotonic() - begun < 5
