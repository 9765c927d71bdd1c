# SPDX-License-Identifier: Apache-2.0
"""Manifests as kustomize makes them, and Kubernetes' own schemas as their judge."""
import json
import shutil
import subprocess

import jsonschema
import pytest
import yaml

from kit.tools import call, kept, needs

SCHEMAS = "kubernetes_validate/kubernetes-json-schema"  # of the package kubernetes-validate: strict, without network


def kustomize(folder):
    """[object]"""
    return list(yaml.safe_load_all(call(*_command(), folder)))


def _command():
    """kubectl counts from the version on that tells its kustomize's: older ones do not know our files."""
    kubectl = shutil.which("kubectl")
    if kubectl:
        version = subprocess.run([kubectl, "version", "--client", "-o", "json"], check=False, capture_output=True,
                                 text=True).stdout
        if "kustomizeVersion" in version:
            return kubectl, "kustomize"
    return needs("kustomize"), "build"


class Definitions(jsonschema.RefResolver):
    """Looks up "_definitions.json#/$defs/NAME" by its name; the library's own way takes seconds."""

    def __init__(self, path):
        super().__init__("", {})
        self._all = json.loads(path.read_bytes())["$defs"]

    def resolve(self, ref):
        return ref, self._all[ref.split("#/$defs/")[1]]


class Judge:
    """Of one version of Kubernetes, "1.29"."""

    def __init__(self, version):
        found = kept(f"{SCHEMAS}/v{version}.0-local-strict")
        if not found:
            pytest.skip(f"no schemas of Kubernetes {version} here; tests/run.sh fetches them")
        self._folder = found[-1]
        self._definitions = Definitions(self._folder / "_definitions.json")

    def check(self, value, name):
        """`name` of a schema: deployment-apps-v1."""
        schema = json.loads((self._folder / f"{name}.json").read_bytes())
        jsonschema.Draft202012Validator(schema, resolver=self._definitions).validate(value)

    def check_object(self, value):
        group, _, version = value["apiVersion"].rpartition("/")
        self.check(value, "-".join(filter(None, (value["kind"].lower(), group.split(".")[0], version))))
