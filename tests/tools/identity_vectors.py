#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the vectors in schemas/examples/identity against the rule, by other means than kabao's own
code; --write fills in id, key and type where they differ (a new vector needs note, appid and xml)."""
import hashlib
import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "schemas" / "examples" / "identity"
BLANKS = " \t\r\n"
ASCII = "abcdefghijklmnopqrstuvwxyz0123456789_"


def text_of(element):
    return (element.text or "").strip(BLANKS)


def leaves(element, path):
    """(path, text) of every element without child elements, in document order."""
    for child in element:
        name = path + [child.tag]
        if len(child):
            yield from leaves(child, name)
        elif name != ["Encrypt"]:
            yield "/".join(name).encode(), text_of(child).encode()


def identity(appid, root):
    digest = hashlib.sha256(appid.encode())
    for path, text in sorted(leaves(root, []), key=lambda leaf: leaf[0]):
        digest.update(path + b"\x1f" + text + b"\x1e")
    return digest.hexdigest()[:32]


def child_text(root, *names):
    return next((text_of(c) for c in root if c.tag in names and not len(c) and text_of(c)), "")


def key(appid, root):
    card = (child_text(root, "CardId"), child_text(root, "UserCardCode"))
    return ":".join([appid, *card] if all(card) else [appid, child_text(root, "FromUserName")])


def ce_type(root):
    kind = child_text(root, "MsgType")
    is_event = kind.lower() == "event"
    name = (child_text(root, "Event") if is_event else kind) or "unknown"
    mapped = (chr(b).lower() for b in name.encode()[:64])
    name = "".join(c if c in ASCII else "_" for c in mapped)
    return ("kabao.wechat." if is_event else "kabao.wechat.message.") + name


def main():
    write = sys.argv[1:] == ["--write"]
    files = sorted(VECTORS.glob("*.json"))
    wrong = 0
    for file in files:
        vector = json.loads(file.read_text(encoding="utf-8"))
        root = ElementTree.fromstring(vector["xml"])
        appid = vector["appid"]
        right = {"id": identity(appid, root), "key": key(appid, root), "type": ce_type(root)}
        if all(vector.get(name) == value for name, value in right.items()):
            continue
        wrong += 1
        print(("written: " if write else "wrong: ") + file.name)
        if write:
            text = json.dumps({**vector, **right}, indent=2, ensure_ascii=False)
            file.write_text(text + "\n", encoding="utf-8")
    print(f"{len(files)} vectors, {wrong} {'written' if write else 'wrong'}")
    return 1 if not files or (wrong and not write) else 0


if __name__ == "__main__":
    sys.exit(main())
