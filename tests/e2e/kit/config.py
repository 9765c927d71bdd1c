# SPDX-License-Identifier: Apache-2.0
"""Settings of a test: nested dicts in, an INI out, secrets in files of mode 0600."""
import base64
import os
from pathlib import Path

APPID = "wx0123456789abcdef"
ORIGINAL_ID = "gh_7f083739789a"
CARD_ID = "pGRUFjv0a1b2c3d4e5f6g7h8i9j0"

# Test-only values, random enough that a search for them in logs and records cannot hit by accident.
SECRETS = {
    "secret": "0f3a9d5c77e14b0e8a6d2c91b4f8e6a1",
    "callback_token": "kq7Zt4mVx2Lr9Wc5",
    "aes_key": "Q2xhd3NPZkNyYWJzQXJlTm90Rm9yRWF0aW5nMTIzNDU",
    "aes_key_previous": "T2xkS2V5Rm9yUm90YXRpb25UZXN0c0FiY2RlZjEyMzQ",
    "seal_key": base64.b64encode(bytes(range(200, 232))).decode(),
}


def write_secret(path, text):
    """Mode 0600, with the trailing newline an editor would leave. A program that reads it meanwhile finds it whole."""
    partial = f"{path}.partial"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as f:
        f.write(text + "\n")
    os.replace(partial, path)
    return str(path)


class Config:
    """Sections as nested dicts. Immutable: `with_` returns a changed copy."""

    def __init__(self, sections):
        self.sections = {name: dict(keys) for name, keys in sections.items()}

    def with_(self, changes=None, **sections):
        """config.with_(worker={"lanes": 2}) or config.with_({"account demo": {...}}); None removes a key or section."""
        merged = {name: dict(keys) for name, keys in self.sections.items()}
        for name, keys in {**(changes or {}), **sections}.items():
            if keys is None:
                merged.pop(name, None)
                continue
            section = merged.setdefault(name, {})
            section.update(keys)
            for key in [k for k, value in section.items() if value is None]:
                del section[key]
        return Config(merged)

    def get(self, section, key):
        return self.sections[section][key]

    def text(self):
        blocks = (f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
                  for name, keys in self.sections.items())
        return "\n".join(blocks)

    def write(self, path):
        Path(path).write_text(self.text(), encoding="utf-8")
        return path


def account(directory, name="demo", appid=APPID, original_id=ORIGINAL_ID, secrets=None, **more):
    """Keys of one [account NAME] section; its secrets go to files in `directory`."""
    values = {**SECRETS, **(secrets or {})}
    keys = {"appid": appid, "original_id": original_id, "push_mode": "compatible"}
    for kind in ("secret", "callback_token", "aes_key"):
        keys[f"{kind}_file"] = write_secret(Path(directory) / f"{name}.{kind}", values[kind])
    keys.update(more)
    return keys


def default_config(directory, broker, prefix, database=None, wechat_url=None):
    """What every program of a test shares; one account, `demo`."""
    directory = Path(directory)
    sections = {
        "account demo": account(directory),
        "kafka": {"bootstrap.servers": broker.bootstrap},
        "topic": {"prefix": prefix, "partitions": 3, "replication_factor": 1},
        "worker": {"lanes": 8, "retry_initial_ms": 50, "retry_max_ms": 1000},
        "token": {"seal_key_file": write_secret(directory / "seal.key", SECRETS["seal_key"])},
    }
    if wechat_url is not None:
        sections["wechat"] = {"base_url": wechat_url}
    if database is not None:
        sections["mysql"] = {"socket": database.server.socket, "user": "kabao", "database": database.name,
                             "password_file": write_secret(directory / "mysql.password",
                                                           database.server.password_file.read_text(encoding="ascii"))}
    return Config(sections)
