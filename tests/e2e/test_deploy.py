# SPDX-License-Identifier: Apache-2.0
"""What deploy/ ships beside the quickstart, each judged by the tool that will read it."""
import os
import re
import shutil
import subprocess

import pytest
import yaml
from kit.config import SECRETS, write_secret
from kit.program import BIN, ROOT, run_tool
from kit.scale import SOAK
from kit.tools import call, needs

DEPLOY = ROOT / "deploy"


def read(path):
    return (DEPLOY / path).read_text(encoding="utf-8")


WORKERS = re.findall(r"^add_worker\((\w+)", read("../workers/CMakeLists.txt"), re.MULTILINE)
PROGRAMS = ["ingress", *WORKERS]
SHIPPED = {*(f"kabao-{name}" for name in PROGRAMS), "kabaoctl"}


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
    return [home / "kabao-ingress.service", *(home / f"kabao@{name}.service" for name in WORKERS)]


def test_units_are_what_systemd_understands(units):
    assert call(needs("systemd-analyze"), "verify", "--man=no", *units).strip() == ""


def test_examples_are_what_systemd_understands(units):
    for example in (DEPLOY / "systemd/examples").iterdir():
        shutil.copytree(example, units[0].parent / example.name, dirs_exist_ok=True)
    assert call(needs("systemd-analyze"), "verify", "--man=no", *units).strip() == ""


def test_units_are_shut_in(units):
    for unit in units:
        call(needs("systemd-analyze"), "security", "--offline=yes", "--threshold=20", unit)


def settings_of(unit):
    """[(key, value)] of a unit and its drop-ins."""
    files = [unit, *sorted(unit.parent.glob(f"{unit.name}.d/*.conf"))]
    lines = "\n".join(f.read_text(encoding="utf-8") for f in files).splitlines()
    return [tuple(line.split("=", 1)) for line in lines if "=" in line and not line.startswith("#")]


def test_a_unit_gives_no_more_secrets_than_the_program_reads(units):
    given = {unit.name: {value.split(":")[0] for key, value in settings_of(unit) if key == "LoadCredential"}
             for unit in units}
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
        settings = settings_of(unit)
        credentials = tmp_path / unit.name
        credentials.mkdir()
        for name in (value.split(":")[0] for key, value in settings if key == "LoadCredential"):
            write_secret(credentials / name, clear[name])
        given = [value.replace("%d", str(credentials)) for key, value in settings if key == "Environment"]
        env = dict(one.split("=", 1) for one in given)
        name = unit.name.removesuffix(".service").replace("@", "-").removeprefix("kabao-")
        env["KABAO_CRM_URL"] = "https://crm.example.com/"
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
        settings = settings_of(unit)
        has = dict(settings)
        assert {"64", "78"} == set(has["RestartPreventExitStatus"].split()) and has["Restart"] == "on-failure"
        assert has["StartLimitIntervalSec"] == "0"
        if unit.name != "kabao-ingress.service":
            assert int(has["TimeoutStopSec"]) * 1000 > drain_ms
        ports |= {value for key, value in settings if key == "Environment" and value.startswith("KABAO_ADMIN_LISTEN=")}
    assert len(ports) == len(units), "one machine, one admin port each"


# --- Debian package ---


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Of the build that is tested: what it links is its own, where the files lie is everybody's."""
    if not all((BIN / name).exists() for name in SHIPPED):
        pytest.skip(f"not all programs are built in {BIN}")
    home = tmp_path_factory.mktemp("package")
    call(needs("cpack"), "-G", "DEB", "--config", BIN.parent / "CPackConfig.cmake", "-B", home, cwd=home)
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
        assert f"/usr/lib/systemd/system/kabao@{name}.service.d/worker.conf" in has
    assert {"/usr/lib/systemd/system/kabao@.service", "/usr/lib/systemd/system/kabao-ingress.service",
            "/usr/lib/sysusers.d/kabao.conf", "/usr/share/kabao/kafka/acls.sh", "/usr/share/kabao/mysql/grants.sh",
            "/usr/share/kabao/schemas/asyncapi.yaml"} <= has.keys()
    assert not [p for p in has if "wxsim" in p or "/systemd/system/" in p and "examples" in p]


def test_package_says_what_it_needs(package):
    field = {key: call("dpkg-deb", "--field", package, key).strip() for key in ("Depends", "Version", "Maintainer")}
    for library in ("libc6", "librdkafka1", "libcurl4", "libxml2", "libmicrohttpd12", "ca-certificates"):
        assert library in field["Depends"]
    version = re.search(r"^project\(kabao VERSION ([\d.]+)", read("../CMakeLists.txt"), re.MULTILINE)
    assert field["Version"] == f"{version[1]}-1"
    assert read("debian/changelog").startswith(f"kabao ({field['Version']}) ")


def test_package_passes_lintian(package):
    call(needs("lintian"), "--fail-on", "error", "--allow-root", "--no-tag-display-limit", package)


@pytest.mark.deadline(900)
@pytest.mark.skipif(not SOAK, reason="makes a Debian from the mirror: tests/run.sh soak -k chroot")
def test_package_in_a_clean_chroot(package, tmp_path):
    """Installed, used, removed and purged: nothing is left."""
    if os.geteuid() != 0:
        pytest.skip("a chroot wants root")
    root = tmp_path / "root"
    release = call("sh", "-c", ". /etc/os-release; echo $VERSION_CODENAME").strip()
    call(needs("debootstrap"), "--variant=minbase", "--include=ca-certificates", release, root)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    shutil.copytree("/etc/apt", root / "etc/apt", dirs_exist_ok=True)  # the same mirrors, by the same way
    shutil.copy(package, root / "kabao.deb")

    def inside(command):
        return call("chroot", root, "/bin/sh", "-ec", command, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                                                                    "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})

    def files():
        return set(inside("find / -xdev -path /proc -prune -o -path /kabao.deb -prune -o -print").splitlines())

    inside("apt-get -qq update; apt-get -qq install -y --no-install-recommends systemd")
    depends = call("dpkg-deb", "--field", package, "Depends").strip().split(",")
    needed = {one.split("(")[0].split("|")[0].strip() for one in depends} - {"systemd-standalone-sysusers"}
    inside(f"apt-get -qq install -y --no-install-recommends {' '.join(needed)}")
    before, users = files(), inside("cat /etc/passwd /etc/group")
    inside("dpkg -i /kabao.deb")
    assert inside("stat -c '%U:%G %a' /etc/kabao/kabao.ini").strip() == "root:kabao 640"
    assert inside("stat -c '%U:%G %a' /etc/kabao/secrets").strip() == "root:root 700"
    assert "/usr/sbin/nologin" in inside("getent passwd kabao")
    assert inside("kabaoctl --version").startswith("kabaoctl")
    assert inside("runuser -u kabao -- kabao-ingress 2>/dev/null || echo $?").strip() == "78", "no secrets yet"
    units = " ".join(["kabao-ingress.service", *(f"kabao@{name}.service" for name in WORKERS)])
    assert inside(f"cd /usr/lib/systemd/system; systemd-analyze verify --man=no {units}").strip() == ""
    inside("systemctl enable kabao-ingress.service kabao@member.service")
    inside("echo '# mine' >>/etc/kabao/kabao.ini; dpkg -i /kabao.deb; grep -qx '# mine' /etc/kabao/kabao.ini")
    inside("dpkg --remove kabao; test -f /etc/kabao/kabao.ini; dpkg --purge kabao")
    machinery = ("/var/log/", "/var/cache/", "/var/lib/dpkg/", "/run/", "/sys/")  # of dpkg and its like
    backups = {"/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-"}
    assert not {p for p in files() - before - backups if not p.startswith(machinery)}
    assert inside("cat /etc/passwd /etc/group") == users


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


def test_compose_is_what_compose_understands():
    for words in (["docker", "compose"], ["docker-compose"]):
        version = ["sh", "-c", f"{' '.join(words)} version"]
        if subprocess.run(version, check=False, capture_output=True).returncode == 0:
            call(*words, "-f", DEPLOY / "docker/compose.yaml", "config", "-q")
            return
    pytest.skip("no docker compose here")


def test_image_builds_with_what_the_quickstart_installs():
    text = read("docker/Dockerfile")
    wanted = re.search(r"^PACKAGES_BUILD=\((.*?)\)", read("lib.sh"), re.MULTILINE | re.DOTALL)[1].split()
    assert set(wanted) <= set(text.split())
    final = text[text.rindex("\nFROM "):]
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE) and "cpack" not in final
    assert not re.search(r"^(ADD|RUN .*(curl|wget) )", text, re.MULTILINE)


# --- Kubernetes ---


@pytest.fixture(scope="module", params=["base", "overlays/example"])
def cluster(request):
    """{(kind, name): object} as kustomize makes them."""
    kubectl = needs("kubectl", " (Debian 12's is too old for kustomization.yaml)")
    objects = list(yaml.safe_load_all(call(kubectl, "kustomize", DEPLOY / "kubernetes" / request.param)))
    return {(o["kind"], o["metadata"]["name"]): o for o in objects}


def of_kind(cluster, *kinds):
    return {name: o for (kind, name), o in cluster.items() if kind in kinds}


def test_cluster_runs_every_program_shut_in(cluster):
    deployments, jobs = of_kind(cluster, "Deployment"), of_kind(cluster, "Job")
    optional = {"kabao-crm"}
    assert {*(f"kabao-{n}" for n in PROGRAMS)} - optional <= deployments.keys()
    assert jobs.keys() == {"kabao-topics", "kabao-migrate"}
    for name, o in {**deployments, **jobs}.items():
        pod = o["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                                "capabilities": {"drop": ["ALL"]}}
        assert container["image"].startswith("registry.example.com/") and container["image"].endswith(":0.1.0")
        mounted = {m["name"] for m in container["volumeMounts"]}
        assert mounted == {v["name"] for v in pod["volumes"]}, name
        settings = next(v["configMap"]["name"] for v in pod["volumes"] if v["name"] == "settings")
        assert ("ConfigMap", settings) in cluster
        assert "secretKeyRef" not in str(container.get("env")), "secrets are files"
    for name, o in deployments.items():
        (container,) = o["spec"]["template"]["spec"]["containers"]
        assert container["command"][0] == name
        for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz"), ("startupProbe", "/healthz")):
            assert container[probe]["httpGet"] == {"path": path, "port": "admin"}
        assert {"name": "admin", "containerPort": 9100} in container["ports"]
        assert o["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > 40
        labels = o["spec"]["template"]["metadata"]["labels"].items()
        assert o["spec"]["selector"]["matchLabels"].items() <= labels
        (budget,) = [b for b in of_kind(cluster, "PodDisruptionBudget").values()
                     if b["spec"]["selector"]["matchLabels"].items() <= labels]
        assert budget["spec"]["maxUnavailable"] == 1


def test_cluster_scales_workers_by_their_own_metric(cluster):
    scaled = of_kind(cluster, "ScaledObject")
    deployments = of_kind(cluster, "Deployment").keys()
    assert scaled.keys() == deployments - {"kabao-ingress", "kabao-token"}
    partitions = int(re.search(r"^#partitions = (\d+)", read("config/kabao.ini"), re.MULTILINE)[1])
    for name, o in scaled.items():
        assert o["spec"]["scaleTargetRef"] == {"name": name} and o["spec"]["maxReplicaCount"] == partitions
        (trigger,) = o["spec"]["triggers"]
        assert (trigger["type"], trigger["metricType"]) == ("prometheus", "AverageValue")
        assert trigger["metadata"]["threshold"] == "1"
        assert f'program="{name}"' in trigger["metadata"]["query"]
        for metric in re.findall(r"kabao_\w+", trigger["metadata"]["query"]):
            assert f'"{metric}"' in (ROOT / "common/metrics/catalog.h").read_text(encoding="utf-8")


def test_scaling_asks_for_the_useful_replicas_of_one_worker(tmp_path):
    """The query, by Prometheus' own judge: parked and dead records are in neither number."""
    documents = list(yaml.safe_load_all(read("kubernetes/base/scaling.yaml")))
    (member,) = [d["spec"] for d in documents if d["metadata"]["name"] == "kabao-member"]
    series = []
    for where, program, behind in (("a:1", "member", 3), ("b:1", "member", 1), ("c:1", "store", 7)):
        place = f'job="kabao",instance="{where}"'
        series += [{"series": f"kabao_useful_replicas{{{place}}}", "values": f"{behind}+0x5"},
                   {"series": f'kabao_build_info{{{place},program="kabao-{program}",version="0"}}', "values": "1+0x5"}]
    expected = {"expr": member["triggers"][0]["metadata"]["query"], "eval_time": "2m",
                "exp_samples": [{"labels": "{}", "value": 4}]}
    path = tmp_path / "scaling.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [], "evaluation_interval": "1m", "tests": [
        {"interval": "1m", "input_series": series, "promql_expr_test": [expected]}]}), encoding="utf-8")
    call(needs("promtool"), "test", "rules", path)


def test_cluster_lets_through_only_what_is_needed(cluster):
    policies = of_kind(cluster, "NetworkPolicy")
    assert policies["kabao-nothing-else"]["spec"] == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "kabao"}}, "policyTypes": ["Ingress", "Egress"]}
    out = {n for n, o in of_kind(cluster, "Deployment").items()
           if o["spec"]["template"]["metadata"]["labels"].get("kabao.example/calls-out") == "true"}
    assert not out & {"kabao-ingress", "kabao-store"}


def test_cluster_and_compose_give_secrets_to_those_who_read_them(cluster):
    compose = yaml.safe_load(read("docker/compose.yaml"))["services"]
    keys = {"kabao-mysql": {"mysql.password"}, "kabao-seal": {"seal.key"},
            "kabao-callback": {"demo.token", "demo.aeskey"}, "kabao-appsecret": {"demo.appsecret"},
            "kabao-crm": {"crm.secret"}, "kabao-verify": set()}
    for name, o in of_kind(cluster, "Deployment").items():
        (volume,) = [v["projected"] for v in o["spec"]["template"]["spec"]["volumes"] if v["name"] == "secrets"]
        got = set().union(*(keys[s["secret"]["name"]] for s in volume["sources"]))
        assert got == set(compose[name.removeprefix("kabao-")]["secrets"]), name
