# SPDX-License-Identifier: Apache-2.0
"""wechatpy as a second judge of what WeChat and its servers say to each other, where it is installed."""
import contextlib
import functools
import importlib
import importlib.util
import sys
import types
from pathlib import Path


def load_wechatpy(*modules):
    """Its submodules, without the package's own beginning, which needs more than is installed. None where it is not."""
    if "wechatpy" not in sys.modules:
        found = importlib.util.find_spec("wechatpy")
        if found is None:
            return None
        package = types.ModuleType("wechatpy")
        package.__path__ = [str(Path(found.origin).parent)]
        package.__spec__ = found  # test_signatures looks for it too
        sys.modules["wechatpy"] = package
    with contextlib.suppress(ImportError):
        replies = importlib.import_module("wechatpy.replies")
        parser = replies.xmltodict  # 1.8.18 takes a single article's elements for a list of articles
        if not isinstance(parser, types.SimpleNamespace):
            replies.xmltodict = types.SimpleNamespace(expat=parser.expat,
                                                      parse=functools.partial(parser.parse, force_list=("item",)))
        return [importlib.import_module(f"wechatpy.{name}") for name in modules]
    return None
