# SPDX-License-Identifier: Apache-2.0
"""nginx with deploy/proxy/nginx.conf: its names, addresses and places become those of a test, the rest is as shipped."""
import socket
import ssl

from kit.process import Process, free_port
from kit.program import ROOT
from kit.tools import call, needs
from kit.waiting import wait_for

PROXY = ROOT / "deploy/proxy"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def certificate(directory):
    """(certificate, key) of shop.example.com, made anew."""
    pem, key = directory / "tls.pem", directory / "tls.key"
    call("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=shop.example.com",
         "-keyout", key, "-out", pem)
    return pem, key


def put_in(text, changes):
    """The text with each of {ours: theirs}, all of which it must have."""
    for ours, theirs in changes.items():
        assert ours in text, ours
        text = text.replace(ours, str(theirs))
    return text


def upstreams(ports):
    """{ours: theirs} for the two ingresses of both samples."""
    return {f"10.0.0.{11 + n}:8080": f"127.0.0.1:{port}" for n, port in enumerate(ports)}


class Nginx(Process):
    """Before two ingresses on these ports of this machine, with its files in the directory."""

    def __init__(self, directory, ports):
        self.binary, self.port, self.directory = needs("nginx"), free_port(), directory
        self.pem, key = certificate(directory)
        site = put_in((PROXY / "nginx.conf").read_text(encoding="utf-8"), {
            "/etc/nginx/tls/shop.example.com.pem": self.pem, "/etc/nginx/tls/shop.example.com.key": key,
            "/var/log/nginx": directory, "listen [::]:443 ssl http2;": "", "listen 443 ": f"listen 127.0.0.1:{self.port} ",
            **upstreams(ports)})
        (directory / "site.conf").write_text(site, encoding="utf-8")
        self.config = directory / "nginx.conf"
        temporary = "".join(f"{kind}_temp_path {directory}/{kind};" for kind in _TEMPORARY)
        self.config.write_text("daemon off; master_process off; events {}\n"
                               f"pid {directory}/pid; error_log {directory}/error.log;\n"
                               f"http {{ {temporary} include {directory}/site.conf; }}\n", encoding="utf-8")
        super().__init__([self.binary, "-c", self.config, "-e", directory / "error.log"], directory / "nginx.log")

    def start(self):
        call(self.binary, "-t", "-c", self.config, "-e", self.directory / "error.log")
        super().start()
        wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", self.port)) == 0, 10, self.log_text)
        return self

    def context(self):
        """What a client needs to trust it, by whatever name."""
        context = ssl.create_default_context(cafile=str(self.pem))
        context.check_hostname = False
        return context
