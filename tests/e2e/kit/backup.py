# SPDX-License-Identifier: Apache-2.0
"""A database as it was, for tests that lose it. Taken at rest; the run-book's test takes one with mariadb-dump."""
import datetime

BASE = "table_type='BASE TABLE'"


class Backup:
    """Taken when it is made. at: RFC 3339, no later than its first row."""

    def __init__(self, db):
        self.db = db
        self.name = f"{db.name}_backup"
        self.at = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        db.query(f"CREATE DATABASE `{self.name}` CHARACTER SET utf8mb4")
        self._copy(db.name, self.name)

    def restore(self):
        """The database is as it was then, whatever became of it since."""
        for table in self._tables(self.db.name):
            self.db.query(f"DROP TABLE `{table}`")
        self._copy(self.name, self.db.name)

    def drop(self):
        self.db.query(f"DROP DATABASE IF EXISTS `{self.name}`")

    def _tables(self, name):
        rows = self.db.query(f"SELECT table_name AS t FROM information_schema.tables WHERE table_schema=%s AND {BASE}",
                             name)
        return [row["t"] for row in rows]

    def _copy(self, source, target):
        for table in self._tables(source):
            self.db.query(f"CREATE TABLE `{target}`.`{table}` LIKE `{source}`.`{table}`")
            self.db.query(f"INSERT INTO `{target}`.`{table}` SELECT * FROM `{source}`.`{table}`")
