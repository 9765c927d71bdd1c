# SPDX-License-Identifier: Apache-2.0
"""Units and containers, each judged by the tool that will read it. test_package has the Debian package, test_cluster
Kubernetes, test_proxy nginx and Caddy."""
import os
import re
import shutil

import pytest
import yaml
from kit.config import SECRETS, write_secret
from kit.process import free_port
from kit.program import BIN, ROOT, run_tool
from kit.shipped import DEPLOY, PROGRAMS, UNITS, WORKERS, program_of, read, settings_of, shown, values_of
from kit.tools import call, needs


# --- systemd ---


@pytest.fixture
def units(tmp_path):
    """The units as systemd will see them, with the programs of this build."""
    home = tmp_path / "units"
    shutil.copytree(DEPLOY / "systemd", home, ignore=shutil.ignore_patterns("examples", "sysusers.conf"))
    for unit in home.glob("*.service"):
        text = unit.read_text(encoding="utf-8")
        unit.write_text(text.replace("/usr/bin/kabao", f"{BIN}/kabao"), encoding="utf-8")
    for name in WORKERS:
        (home / f"kabao@{name}.service").symlink_to("kabao@.service")
    return [home / unit for unit in UNITS]


def test_units_are_what_systemd_understands(units):
    assert call(needs("systemd-analyze"), "verify", "--man=no", *units).strip() == ""


def test_examples_are_what_systemd_understands(units):
    for example in (DEPLOY / "systemd/examples").iterdir():
        shutil.copytree(example, units[0].parent / example.name, dirs_exist_ok=True)
    assert call(needs("systemd-analyze"), "verify", "--man=no", *units).strip() == ""


def test_units_are_shut_in(units):
    for unit in units:
        call(needs("systemd-analyze"), "security", "--offline=yes", "--threshold=20", unit)


def of_unit(unit):
    return settings_of(unit.parent, unit.name)


def test_a_unit_gives_no_more_secrets_than_the_program_reads(units):
    given = {unit.name: {value.split(":")[0] for value in values_of(of_unit(unit), "LoadCredential")} for unit in units}
    for name in WORKERS:
        source = (ROOT / f"workers/{name}.c").read_text(encoding="utf-8")
        calls = re.search(r"\.(calls_wechat|keeps_tokens) = true", source)
        wanted = {"mysql.password", "seal.key" if calls else "", "crm.secret" if name == "crm" else ""} - {""}
        assert given[f"kabao@{name}.service"] == wanted, name
    assert given["kabao-ingress.service"] == {"seal.key"}


def test_secrets_a_unit_gives_are_enough(units, tmp_path):
    """By the packaged settings, whose own paths lead nowhere; with the examples' drop-ins."""
    clear = {"mysql.password": "x", "seal.key": SECRETS["seal_key"], "demo.token": SECRETS["callback_token"],
             "demo.aeskey": SECRETS["aes_key"], "demo.appsecret": SECRETS["secret"],
             "crm.secret": f"whsec_{'QUJD' * 8}", "verify.key": SECRETS["seal_key"]}
    for example in (DEPLOY / "systemd/examples").iterdir():
        shutil.copytree(example, units[0].parent / example.name, dirs_exist_ok=True)
    for unit in units:
        settings = of_unit(unit)
        credentials = tmp_path / unit.name
        credentials.mkdir()
        for value in values_of(settings, "LoadCredential"):
            name = value.split(":")[0]
            write_secret(credentials / name, clear[name])
        env = dict(value.replace("%d", str(credentials)).split("=", 1) for value in values_of(settings, "Environment"))
        env["KABAO_CRM_URL"] = "https://crm.example.com/"
        name = program_of(unit.name)
        done = run_tool(name, "--config", DEPLOY / "config/kabao.ini", "--check-config", env=env)
        assert done.returncode == 0, (name, done.stderr)


def test_variables_of_units_and_examples_are_settings():
    """A wrong name would only be logged."""
    files = [*(DEPLOY / "systemd").rglob("*.service"), *(DEPLOY / "systemd").rglob("*.conf")]
    given = dict(re.findall(r"^Environment=(KABAO_\w+)=(.*)$", "\n".join(f.read_text(encoding="utf-8") for f in files),
                            re.MULTILINE))
    assert len(given) >= 7
    for name, value in given.items():
        value = value.replace("%d", "/run/credentials")
        ini = DEPLOY / "config/kabao.ini"
        done = run_tool("ingress", "--config", ini, "--print-config", env={name: value})
        assert f" = {value}\n" in done.stdout, name


def test_units_stop_and_start_as_the_programs_ask(units):
    drain_ms = int(re.search(r"^#drain_timeout_ms = (\d+)", read("config/kabao.ini"), re.MULTILINE)[1])
    ports = set()
    for unit in units:
        settings = of_unit(unit)
        has = dict(settings)
        assert {"64", "78"} == set(has["RestartPreventExitStatus"].split()) and has["Restart"] == "on-failure"
        assert has["StartLimitIntervalSec"] == "0"
        if unit.name != "kabao-ingress.service":
            assert int(has["TimeoutStopSec"]) * 1000 > drain_ms
        ports |= {value for value in values_of(settings, "Environment") if value.startswith("KABAO_ADMIN_LISTEN=")}
    assert len(ports) == len(units), "one machine, one admin port each"


# --- containers ---


def test_compose_starts_every_program_shut_in():
    services = yaml.safe_load(read("docker/compose.yaml"))["services"]
    assert services.keys() == {*PROGRAMS, "kafka", "mysql", "topics", "migrate"}
    for name in [*PROGRAMS, "topics", "migrate"]:
        service = services[name]
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"] and service["user"] == "10001:10001"
        assert service["command"][0] == ("kabaoctl" if name in ("topics", "migrate") else f"kabao-{name}")
    for name in [*PROGRAMS, "kafka", "mysql"]:
        assert services[name]["healthcheck"]["test"][0].startswith("CMD")
    version = re.search(r"<kafka.version>(.*?)<", read("kafka/pom.xml"))[1]
    assert services["kafka"]["image"] == f"apache/kafka:{version}", "the version the tests run"


def test_compose_is_what_compose_understands(tmp_path):
    call(needs("docker-compose"), "-f", DEPLOY / "docker/compose.yaml", "config", "-q")
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(read("docker/compose.yaml").replace("healthcheck:", "healthchek:"), encoding="utf-8")
    with pytest.raises(AssertionError):
        call(needs("docker-compose"), "-f", wrong, "config", "-q")


def test_compose_has_the_secrets_that_readme_makes(tmp_path):
    """Its commands, but for the last: there is no container engine here."""
    compose = yaml.safe_load(read("docker/compose.yaml"))
    commands = shown("OPERATING.md", "Containers")
    assert commands[0] == "cd deploy/docker" and commands[-1] == "docker compose up --build --detach --wait"
    for command in commands[1:-1]:
        call("bash", "-euc", re.sub(r"^(chown) .*", "true", command), cwd=tmp_path)
    made = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert made | {"demo.appsecret", "demo.token", "demo.aeskey"} == compose["secrets"].keys()
    for name, secret in compose["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}


def test_programs_take_the_settings_of_the_containers(tmp_path):
    """With the secrets and the environment they have there, and no others."""
    services = yaml.safe_load(read("docker/compose.yaml"))["services"]
    clear = {"mysql.password": "x", "seal.key": SECRETS["seal_key"], "demo.token": SECRETS["callback_token"],
             "demo.aeskey": SECRETS["aes_key"], "demo.appsecret": SECRETS["secret"],
             "crm.secret": f"whsec_{'QUJD' * 8}"}
    env = dict(re.findall(r"(KABAO_\w+)=(\S+)", read("docker/Dockerfile")))
    assert env.keys() == {"KABAO_ADMIN_LISTEN", "KABAO_INGRESS_LISTEN"}
    for name in PROGRAMS:
        secrets = tmp_path / name
        secrets.mkdir()
        for secret in services[name]["secrets"]:
            write_secret(secrets / secret, clear[secret])
        ini = secrets / "kabao.ini"
        ini.write_text(read("docker/kabao.ini").replace("/run/secrets", str(secrets)), encoding="utf-8")
        done = run_tool(name, "--config", ini, "--check-config", env=env)
        assert done.returncode == 0, (name, done.stderr)


def test_dockerfile_passes_hadolint():
    call(needs("hadolint"), "--no-color", DEPLOY / "docker/Dockerfile")


def test_a_container_is_ready_when_its_program_is():
    env = {**os.environ, "KABAO_ADMIN_LISTEN": f"0.0.0.0:{free_port()}"}
    with pytest.raises(AssertionError):  # what it says of one that is: test_package
        call(DEPLOY / "docker/kabao-ready", env=env)


def test_image_builds_with_what_the_quickstart_installs():
    text = read("docker/Dockerfile")
    wanted = re.search(r"^PACKAGES_BUILD=\((.*?)\)", read("lib.sh"), re.MULTILINE | re.DOTALL)[1].split()
    assert set(wanted) <= set(text.split())
    final = text[text.rindex("\nFROM "):]
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE) and "cpack" not in final
    assert not re.search(r"^(ADD|RUN .*(curl|wget) )", text, re.MULTILINE)
