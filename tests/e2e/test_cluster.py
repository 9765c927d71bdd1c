# SPDX-License-Identifier: Apache-2.0
"""deploy/kubernetes: as kustomize makes the objects, judged by Kubernetes' schemas and by what kabao promises."""
import re

import jsonschema
import pytest
import yaml
from kit.config import SECRETS, write_secret
from kit.kubernetes import Judge, kustomize
from kit.program import ROOT, run_tool
from kit.shipped import DEPLOY, PROGRAMS, read
from kit.tools import call, needs

KEYS = {"kabao-mysql": {"mysql.password"}, "kabao-seal": {"seal.key"}, "kabao-callback": {"demo.token", "demo.aeskey"},
        "kabao-appsecret": {"demo.appsecret"}, "kabao-crm": {"crm.secret"}, "kabao-verify": {"verify.key"}}


def closed(**properties):
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(properties)}


NUMBER, TEXT = {"type": "integer"}, {"type": "string"}
# What of keda.sh/v1alpha1 is used here, after https://keda.sh/docs/latest/reference/scaledobject-spec/.
SCALED_OBJECT = closed(
    apiVersion={"const": "keda.sh/v1alpha1"}, kind={"const": "ScaledObject"}, metadata={"type": "object"},
    spec=closed(scaleTargetRef=closed(name=TEXT), minReplicaCount=NUMBER, maxReplicaCount=NUMBER, cooldownPeriod=NUMBER,
                advanced=closed(horizontalPodAutoscalerConfig=closed(behavior={"type": "object"})),
                fallback=closed(failureThreshold=NUMBER, replicas=NUMBER),
                triggers={"type": "array", "items": closed(
                    type={"const": "prometheus"}, metricType={"enum": ["AverageValue", "Value"]},
                    metadata=closed(serverAddress=TEXT, threshold=TEXT, query=TEXT))}))


@pytest.fixture(scope="module", params=["base", "overlays/example"])
def cluster(request):
    """{(kind, name): object}"""
    return {(o["kind"], o["metadata"]["name"]): o for o in kustomize(DEPLOY / "kubernetes" / request.param)}


@pytest.fixture(scope="module", params=["1.29", "1.37"])
def judge(request):
    return Judge(request.param)


def test_cluster_is_what_kubernetes_understands(cluster, judge):
    for (kind, _), o in cluster.items():
        if kind == "ScaledObject":
            jsonschema.validate(o, SCALED_OBJECT)
            behavior = o["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
            judge.check(behavior, "horizontalpodautoscalerbehavior-autoscaling-v2")
        else:
            judge.check_object(o)
    deployment = cluster["Deployment", "kabao-ingress"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    wrong = {**container, "readynessProbe": container["readinessProbe"]}
    with pytest.raises(jsonschema.ValidationError):
        judge.check(wrong, "container-v1")


def of_kind(cluster, *kinds):
    return {name: o for (kind, name), o in cluster.items() if kind in kinds}


def test_cluster_runs_every_program_shut_in(cluster):
    deployments, jobs = of_kind(cluster, "Deployment"), of_kind(cluster, "Job")
    optional = {"kabao-crm", "kabao-forward"}
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


def secrets_of(deployment):
    (volume,) = [v["projected"] for v in deployment["spec"]["template"]["spec"]["volumes"] if v["name"] == "secrets"]
    return set().union(*(KEYS[s["secret"]["name"]] for s in volume["sources"] if not s["secret"].get("optional")))


def test_cluster_and_compose_give_secrets_to_those_who_read_them(cluster):
    compose = yaml.safe_load(read("docker/compose.yaml"))["services"]
    for name, o in of_kind(cluster, "Deployment").items():
        assert secrets_of(o) == set(compose[name.removeprefix("kabao-")]["secrets"]), name


def test_programs_take_the_settings_of_the_cluster(cluster, tmp_path):
    """With the secrets and the environment they have there, and no others."""
    clear = {"mysql.password": "x", "seal.key": SECRETS["seal_key"], "demo.token": SECRETS["callback_token"],
             "demo.aeskey": SECRETS["aes_key"], "demo.appsecret": SECRETS["secret"],
             "crm.secret": f"whsec_{'QUJD' * 8}"}
    for name, o in of_kind(cluster, "Deployment").items():
        pod = o["spec"]["template"]["spec"]
        (settings,) = [v["configMap"]["name"] for v in pod["volumes"] if v["name"] == "settings"]
        secrets = tmp_path / name
        secrets.mkdir()
        for secret in secrets_of(o):
            write_secret(secrets / secret, clear[secret])
        ini = secrets / "kabao.ini"
        text = cluster["ConfigMap", settings]["data"]["kabao.ini"]
        ini.write_text(text.replace("/run/secrets/kabao", str(secrets)), encoding="utf-8")
        env = {variable["name"]: variable["value"] for variable in pod["containers"][0]["env"]}
        done = run_tool(name.removeprefix("kabao-"), "--config", ini, "--check-config", env=env)
        assert done.returncode == 0, (name, done.stderr)
