# SPDX-License-Identifier: Apache-2.0
"""The Debian package: what is in it, and its life on a machine of its own."""
import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from kit.chroot import Chroot, base
from kit.config import SECRETS
from kit.population import accounts
from kit.process import free_port
from kit.program import BIN, ROOT, http_get
from kit.push import Pusher, card_event
from kit.shipped import SHIPPED, UNITS, WORKERS, program_of, read, settings_of, shown, values_of
from kit.tools import call, needs
from kit.waiting import wait_for

pytestmark = pytest.mark.deadline(900)  # the first time a Debian is made
SYSTEMD = "/usr/lib/systemd/system"
BUILD, PREPARE, START = (shown("OPERATING.md", "Debian package")[i:j] for i, j in ((0, 3), (3, 6), (6, None)))


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Of the build that is tested: what it links is its own, where the files lie is everybody's."""
    if not all((BIN / name).exists() for name in SHIPPED):
        pytest.skip(f"not all programs are built in {BIN}")
    home = tmp_path_factory.mktemp("package")
    call(needs("cpack"), "-G", "DEB", "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip",  # for speed
         "--config", BIN.parent / "CPackConfig.cmake", "-B", home, cwd=home)
    (found,) = home.glob("*.deb")
    return found


def contents(package):
    """{path: (mode, owner)}"""
    lines = (line.split(None, 5) for line in call("dpkg-deb", "--contents", package).splitlines())
    return {f[5].removeprefix(".").rstrip("/") or "/": (f[0], f[1]) for f in lines}


def test_package_has_the_programs_the_settings_and_the_units(package):
    has = contents(package)
    assert {os.path.basename(p) for p in has if p.startswith("/usr/bin/")} == SHIPPED
    assert {owner for _, owner in has.values()} == {"root/root"}
    assert has["/etc/kabao/kabao.ini"][0] == "-rw-r-----"
    assert has["/etc/kabao"][0] == "drwxr-x---" and has["/etc/kabao/secrets"][0] == "drwx------"
    for name in WORKERS:
        assert f"{SYSTEMD}/kabao@{name}.service.d/worker.conf" in has
    manuals = {f"/usr/share/man/man8/{name}.8.gz" for name in SHIPPED - {"kabaoctl"}}
    assert {*manuals, "/usr/share/man/man1/kabaoctl.1.gz", "/usr/share/bash-completion/completions/kabaoctl",
            "/usr/share/zsh/vendor-completions/_kabaoctl", f"{SYSTEMD}/kabao@.service",
            f"{SYSTEMD}/kabao-ingress.service", "/usr/lib/sysusers.d/kabao.conf", "/usr/share/kabao/kafka/acls.sh",
            "/usr/share/kabao/mysql/grants.sh", "/usr/share/kabao/schemas/asyncapi.yaml"} <= has.keys()
    assert not [p for p in has if "wxsim" in p or SYSTEMD in p and "examples" in p]


def test_package_says_what_it_needs(package):
    field = {key: call("dpkg-deb", "--field", package, key).strip() for key in ("Depends", "Version", "Maintainer")}
    for library in ("libc6", "librdkafka1", "libcurl4", "libxml2", "libmicrohttpd12", "ca-certificates"):
        assert library in field["Depends"]
    version = re.search(r"^project\(kabao VERSION ([\d.]+)", read("../CMakeLists.txt"), re.MULTILINE)
    assert field["Version"] == f"{version[1]}-1"
    assert read("debian/changelog").startswith(f"kabao ({field['Version']}) ")


def test_package_passes_lintian(package):
    meant = ("initial-upload-closes-no-bugs",           # it is in no archive
             "maintainer-script-calls-systemctl",       # without debhelper
             "non-standard-dir-perm", "non-standard-file-perm")  # settings and secrets
    call(needs("lintian"), "--fail-on", "warning", "--allow-root", "--suppress-tags", ",".join(meant), package)


def test_readme_builds_the_package_as_the_tests_do():
    assert BUILD == ["cmake -S . -B build/package -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo",
                     "ninja -C build/package && (cd build/package && cpack -G DEB)",
                     "apt-get install ./build/package/kabao_*.deb"]


@pytest.fixture(scope="module")
def debian(package):
    """A clean Debian with the package beside it; the first test leaves it as clean."""
    tar = base(package)
    with tempfile.TemporaryDirectory(prefix="kabao-debian-") as folder:
        chroot = Chroot(Path(folder) / "root", tar)
        shutil.copy(package, chroot.root / "kabao.deb")
        yield chroot


def install(debian):
    debian.sh("apt-get -qq install -y --no-install-recommends ./kabao.deb")


def test_package_comes_and_goes(debian):
    """Installed, used, upgraded, removed and purged: nothing is left."""
    before, users = debian.files(), debian.sh("cat /etc/passwd /etc/group")
    install(debian)
    assert debian.sh("stat -c '%U:%G %a' /etc/kabao/kabao.ini").strip() == "root:kabao 640"
    assert debian.sh("stat -c '%U:%G %a' /etc/kabao").strip() == "root:kabao 750"
    assert debian.sh("stat -c '%U:%G %a' /etc/kabao/secrets").strip() == "root:root 700"
    assert "/usr/sbin/nologin" in debian.sh("getent passwd kabao")
    assert debian.sh("find / -xdev -path /proc -prune -o -user kabao -print").strip() == ""
    assert debian.sh("kabaoctl --version").startswith("kabaoctl")
    assert debian.sh("runuser -u kabao -- kabao-ingress 2>/dev/null || echo $?").strip() == "78", "no secrets yet"
    debian.sh(START[0])
    assert debian.sh(f"systemd-analyze verify --man=no {' '.join(UNITS)}").strip() == ""
    debian.sh(START[-1].replace(" --now", ""))
    debian.sh("echo '# mine' >>/etc/kabao/kabao.ini; dpkg -i /kabao.deb; grep -qx '# mine' /etc/kabao/kabao.ini")
    debian.sh("apt-get -qq remove -y kabao; test -f /etc/kabao/kabao.ini; apt-get -qq purge -y kabao")
    debian.sh("cd /usr/share/doc; ! test -e kabao; rm -r /etc/systemd/system/kabao*.d")  # the operator's
    machinery = ("/var/log/", "/var/cache/", "/var/lib/dpkg/", "/var/lib/apt/", "/run/", "/sys/")  # of dpkg and its like
    backups = {"/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-"}
    assert not {p for p in debian.files() - before - backups if not p.startswith(machinery)}
    assert debian.sh("cat /etc/passwd /etc/group") == users


def test_readme_starts_what_is_installed():
    assert START == ["cd /usr/share/doc/kabao/examples/systemd && "
                     "cp -r kabao-ingress.service.d kabao@token.service.d /etc/systemd/system",
                     "systemctl daemon-reload",
                     "systemctl enable --now kabao-ingress kabao@token kabao@member kabao@store"]


@pytest.fixture
def start(debian, tmp_path):
    """start(unit, env): the program of a unit as systemd would start it: its user, its credentials, its variables."""
    running = []

    def unit(name, env):
        settings = settings_of(debian.root / SYSTEMD[1:], name) + settings_of(debian.root / "etc/systemd/system", name)
        credentials = f"/run/credentials/{name}"
        debian.sh(f"install -d -o kabao -m 500 {credentials}; " + "; ".join(
            "install -o kabao -m 400 {1} {2}/{0}".format(*value.split(":"), credentials)
            for value in values_of(settings, "LoadCredential")))
        given = dict(value.replace("%d", credentials).split("=", 1) for value in values_of(settings, "Environment"))
        (command,) = values_of(settings, "ExecStart")
        program = debian.start("kabao", command.replace("%i", program_of(name)).split(), {**given, **env},
                               tmp_path / f"{name}.log")
        running.append(program)
        return program

    yield unit
    for program in running:
        program.kill()


def test_installed_programs_run(debian, start, broker, kafka, db, start_sim):
    """From the package to a push in the database, as OPERATING.md tells."""
    sim = start_sim(accounts())
    install(debian)
    secrets = {"mysql.password": db.server.password_file.read_text(encoding="ascii"), "seal.key": SECRETS["seal_key"],
               "demo.appsecret": SECRETS["secret"], "demo.token": SECRETS["callback_token"],
               "demo.aeskey": SECRETS["aes_key"]}
    for name, text in secrets.items():
        (debian.root / "etc/kabao/secrets" / name).write_text(text, encoding="ascii")
    debian.sh("chmod 600 /etc/kabao/secrets/*")
    env = {"KABAO_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, "KABAO_TOPIC_PREFIX": kafka.prefix,
           "KABAO_TOPIC_REPLICATION_FACTOR": "1", "KABAO_TOPIC_PARTITIONS": "3", "KABAO_MYSQL_DATABASE": db.name,
           "KABAO_WECHAT_BASE_URL": sim.url, "KABAO_MYSQL_PORT": (db.server.dir / "port").read_text(encoding="ascii").strip()}
    for command in PREPARE:
        debian.sh(command, env)
    debian.sh(START[0])

    ports = {name: free_port() for name in ("kabao-ingress.service", "kabao@store.service")}
    listen = f"127.0.0.1:{free_port()}"
    programs = [start(name, {**env, "KABAO_ADMIN_LISTEN": f"127.0.0.1:{port}", "KABAO_INGRESS_LISTEN": listen})
                for name, port in ports.items()]
    for program, port in zip(programs, ports.values()):
        wait_for(lambda port=port: answers(port), 60, program.log_text)
        call(ROOT / "deploy/docker/kabao-ready", env={**os.environ, "KABAO_ADMIN_LISTEN": f"0.0.0.0:{port}"})
        assert Path(f"/proc/{program.pid}/status").read_text(encoding="ascii").count("\nNoNewPrivs:\t1\n") == 1
    host, port = listen.split(":")
    assert Pusher((host, int(port))).secure(card_event("user_get_card")).success
    db.wait_rows("wechat_event", timeout=60)
    for program in programs:
        assert program.terminate() == 0, program.log_text()[-3000:]
        program.check_log(SECRETS.values())


def answers(port):
    try:
        return http_get(port, "/readyz")[0] == 200
    except OSError:
        return False
