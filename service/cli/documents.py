"""Reading a policy document from a file: YAML 1.2 or JSON, each key once."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml


class DocumentError(ValueError):
    """The file cannot be read as a policy document."""


class _CoreLoader(yaml.SafeLoader):
    """YAML 1.2 core: `off` and `no` are words, `21:00` is text, and nothing is a date.

    YAML 1.1, which PyYAML speaks by default, would read `max: off` as false and `from: 21:00` as 1260.
    Keys that stand twice and aliases are refused: the one hides what was written, the other may grow
    without bounds.
    """

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012  # PyYAML's own shape

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.get_mark()
            raise yaml.composer.ComposerError(None, None, "aliases are not read; write it out", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = (key_node.tag, str(key_node.value))
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key_node.value!r:.60} stands here twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _construct_integer(loader: _CoreLoader, node: yaml.ScalarNode) -> int:
    """`010` is ten; YAML 1.1 would take it for eight."""
    return int(loader.construct_scalar(node))


_PLAIN = {
    "bool": ("true|True|TRUE|false|False|FALSE", "tTfF"),
    "null": ("~|null|Null|NULL|", ("~", "n", "N", "")),
    "int": ("[-+]?[0-9]+", "-+0123456789"),
    "float": (r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
}
for _tag, (_pattern, _first) in _PLAIN.items():
    _CoreLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), list(_first)
    )
_CoreLoader.add_constructor("tag:yaml.org,2002:int", _construct_integer)


def read_document(path: Path) -> Any:
    """The document in a YAML or JSON file. DocumentError with what is wrong, and where."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            return json.loads(text, object_pairs_hook=unique_keys)
        # The loader is a safe one: it makes nothing but JSON's own values.
        return yaml.load(text, Loader=_CoreLoader)  # noqa: S506
    except OSError as error:
        raise DocumentError(error.strerror or "cannot be read") from error
    except UnicodeDecodeError as error:
        raise DocumentError("is not UTF-8") from error
    except RecursionError as error:
        raise DocumentError("lies too deep") from error
    except (yaml.YAMLError, ValueError) as error:
        raise DocumentError(" ".join(str(error).split())) from error


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; ValueError where a key stands twice, of which JSON would keep the last."""
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in made if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r:.60} stands here twice")
    return made
