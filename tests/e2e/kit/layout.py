# SPDX-License-Identifier: Apache-2.0
"""Topics and tables as `kabaoctl` makes them: made by it once, for other tests copied in one request."""
import itertools

from confluent_kafka.admin import AdminClient, ConfigResource, ConfigSource, NewTopic

from kit.waiting import wait_for


class Topics:
    """Knows for each [topic] section what `topics apply` made of it."""

    def __init__(self):
        self._known = {}  # settings of [topic] -> [(name behind the prefix, partitions, {setting: value})]
        self._serial = itertools.count(1)

    def make(self, config, tool):
        """Topics of `config`; tool(config) makes them where there are some already, and the first of a kind."""
        topic, bootstrap = config.sections["topic"], config.get("kafka", "bootstrap.servers")
        admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
        if _names(admin, topic["prefix"]):
            tool(config)
            return
        kind = frozenset((key, str(value)) for key, value in topic.items() if key != "prefix")
        if kind not in self._known:
            self._known[kind] = self._learn(admin, config, tool)
        _copy(admin, topic["prefix"], self._known[kind])

    def _learn(self, admin, config, tool):
        prefix = f"layout{next(self._serial)}"
        tool(config.with_(topic={"prefix": prefix}))
        names = _names(admin, prefix)
        asked = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name) for name in names])
        own = {resource.name: {entry.name: entry.value for entry in future.result(20).values()
                               if entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value}
               for resource, future in asked.items()}
        for future in admin.delete_topics(list(names), operation_timeout=20).values():
            future.result(30)
        return [(name[len(prefix):], count, own[name]) for name, count in names.items()]


class Tables:
    """A database of its own keeps what `migrate` made."""

    name = "kabao_layout"

    def __init__(self):
        self._script = None

    def make(self, config, database, tool):
        """Tables of `config`; tool(config) makes them where there are some already, or where it is another database."""
        mysql = config.sections["mysql"]
        ours = (mysql.get("socket"), mysql.get("database")) == (database.server.socket, database.name)
        if not ours or database.query("SHOW TABLES"):
            tool(config)
            return
        if self._script is None:
            layout = database.server.create(self.name)
            tool(config.with_(mysql={"database": layout.name}))
            self._script = _script(layout)
        database.query(self._script)


def _script(layout):
    tables = [name for row in layout.query("SHOW TABLES") for name in row.values()]
    made = [layout.query(f"SHOW CREATE TABLE `{table}`")[0]["Create Table"] for table in tables]
    filled = [f"INSERT INTO `{table}` SELECT * FROM `{layout.name}`.`{table}`" for table in tables if layout.rows(table)]
    return ";".join(["SET foreign_key_checks = 0", *made, *filled]).replace("%", "%%")


def _names(admin, prefix):
    """{topic: number of partitions}, as soon as each has a leader."""
    return {name: len(topic.partitions) for name, topic in admin.list_topics(timeout=20).topics.items()
            if name.startswith(f"{prefix}.")}


def _copy(admin, prefix, topics):
    wanted = {prefix + name: count for name, count, _ in topics}
    for future in admin.create_topics([NewTopic(prefix + name, count, 1, config=own)
                                       for name, count, own in topics]).values():
        future.result(30)
    wait_for(lambda: _names(admin, prefix) == wanted, 20, f"topics of {prefix}")
