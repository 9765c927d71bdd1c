# SPDX-License-Identifier: Apache-2.0
"""A Debian of its own, in which a package is installed as an operator would. It has the machine's network, a /proc for as
long as something runs in it, and no systemd that runs."""
import hashlib
import os
import subprocess

import pytest

from kit.process import Process
from kit.tools import CACHE, call, needs

ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}


def base(package):
    """A tar file of the machine's release with what `package` depends on: made from the mirror when the dependencies are
    new, which takes a minute or two, then kept."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        pytest.skip("a chroot wants root, and the right to mount")
    depends = call("dpkg-deb", "--field", package, "Depends").strip()
    wanted = sorted({one.split("(")[0].split("|")[-1].strip() for one in depends.split(",")} - {"systemd-sysusers"})
    release = call("sh", "-c", ". /etc/os-release; echo $VERSION_CODENAME").strip()
    key = hashlib.sha256("\n".join((release, *wanted)).encode()).hexdigest()[:12]
    found = CACHE / f"debian/{release}-{key}.tar"
    if not found.exists():
        found.parent.mkdir(parents=True, exist_ok=True)
        _make(found, release, ["systemd", *wanted])
    return found


def _make(tar, release, packages):
    partial = tar.with_suffix(f".{os.getpid()}.tar")
    try:
        done = subprocess.run([needs("mmdebstrap"), "--quiet", "--variant=minbase", f"--include={','.join(packages)}",
                               release, partial, *_mirrors(release)], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"no {release} from the mirror: {done.stderr[-300:]}")
        partial.rename(tar)
    finally:
        partial.unlink(missing_ok=True)


def _mirrors(release):
    """Those of the machine; mmdebstrap knows others when it has no lists."""
    lines = call("apt-get", "indextargets", "--format", "$(ORIGIN)|deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
                 "Created-By: Packages").splitlines()
    found = {line.split("|")[1] for line in lines if line.startswith(("Debian|", "Ubuntu|"))}
    return sorted(line for line in found if line.split()[2].startswith(release))


class Chroot:
    def __init__(self, root, tar):
        self.root = root
        root.mkdir()
        call("tar", "--extract", "--preserve-permissions", "--numeric-owner", "--file", tar, "--directory", root)

    def argv(self, *words):
        return ["unshare", "--mount", f"--mount-proc={self.root}/proc", "chroot", self.root, *words]

    def sh(self, command, env=None):
        """Output of a shell's commands, as root; each must succeed."""
        return call(*self.argv("/bin/sh", "-ec", command), env={**ENV, **(env or {})})

    def start(self, user, words, env, log):
        """A program without rights, as a unit would start it."""
        drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--no-new-privs",
                "--bounding-set=-all", "--pdeathsig=KILL", "--"]
        return Process(self.argv(*drop, *words), log, {**ENV, **env}).start()

    def files(self):
        return set(self.sh("find / -xdev -path /proc -prune -o -print").splitlines())
