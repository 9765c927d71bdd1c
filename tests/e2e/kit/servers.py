# SPDX-License-Identifier: Apache-2.0
"""The real broker and the real database, one of each for a whole test run."""
import contextlib
import itertools
import subprocess
from pathlib import Path

import pymysql
from pymysql.constants.CLIENT import MULTI_STATEMENTS

from kit.process import Process
from kit.waiting import wait_for

ROOT = Path(__file__).resolve().parents[3]


class Server:
    """A server run by one of the scripts of deploy/: `SCRIPT run DIR`, then `SCRIPT wait DIR PID`."""

    script = None

    def __init__(self, directory, env=None):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.process = Process([self.script, "run", self.dir], self.dir / "console.log", env)

    def start(self):
        self.process.start()
        done = subprocess.run([self.script, "wait", self.dir, str(self.process.pid)], check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, f"{done.stdout}\n{self.process.log_text()[-2000:]}"
        return self

    def stop(self):
        self.process.terminate(60)

    def kill(self):
        self.process.kill()

    def restart(self):
        """Stop and start; address and data stay."""
        self.stop()
        self.start()

    def freeze(self):
        """Connections stay open, nothing is answered."""
        self.process.freeze()

    def thaw(self):
        self.process.thaw()

    def ensure_running(self):
        """After a test that froze, stopped or killed it."""
        self.thaw()
        if not self.process.running:
            self.start()


class Broker(Server):
    script = ROOT / "deploy/kafka/broker.sh"

    @property
    def bootstrap(self):
        return (self.dir / "bootstrap").read_text(encoding="ascii").strip()


class DatabaseServer(Server):
    script = ROOT / "deploy/mariadb.sh"
    _serial = itertools.count(1)

    @property
    def socket(self):
        return (self.dir / "socket").read_text(encoding="utf-8").strip()

    @property
    def password_file(self):
        return self.dir / "password"

    def create(self, name=None):
        return Database(self, name or f"kabao_{next(self._serial)}")


class Database:
    """One database of one test. Every call opens its own connection, so a restarted server is no special case."""

    def __init__(self, server, name):
        self.server = server
        self.name = name
        self._run(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4", (), None)

    def drop(self):
        self._run(f"DROP DATABASE IF EXISTS `{self.name}`", (), None)

    def connect(self):
        """A connection of one's own, for what holds locks."""
        return self._open(self.name)

    def _open(self, database):
        return pymysql.connect(unix_socket=self.server.socket, user="kabao", database=database, charset="utf8mb4",
                               password=self.server.password_file.read_text(encoding="ascii"), autocommit=True,
                               client_flag=MULTI_STATEMENTS, cursorclass=pymysql.cursors.DictCursor)

    def _run(self, sql, args, database):
        with self._open(database) as connection:
            with connection.cursor() as cursor:
                cursor.execute(sql, args)
                rows = list(cursor.fetchall())
                while cursor.nextset():  # or an error of a later statement would not be seen
                    rows = list(cursor.fetchall())
                return rows

    @contextlib.contextmanager
    def held(self, table):
        """Who writes the table waits; yields what tells whether somebody does."""
        waits = ("SELECT 1 FROM information_schema.processlist WHERE db=DATABASE() AND id<>CONNECTION_ID()"
                 " AND command<>'Sleep' AND time_ms>300 AND info LIKE %s")
        with self._open(self.name) as connection, connection.cursor() as cursor:
            connection.begin()
            cursor.execute(f"SELECT * FROM `{table}` FOR UPDATE")
            yield lambda: self.query(waits, f"% {table} %")
            connection.rollback()

    def query(self, sql, *args):
        """Rows as dicts, of the last of several statements; parameters as %s."""
        return self._run(sql, args, self.name)

    def rows(self, table, **where):
        """All rows of the table whose columns equal what is given."""
        condition = " AND ".join(f"`{column}` <=> %s" for column in where) or "TRUE"
        return self.query(f"SELECT * FROM `{table}` WHERE {condition}", *where.values())

    def wait_rows(self, table, count=1, timeout=30, **where):
        """At least `count` rows; returns them."""
        seen = []

        def enough():
            seen[:] = self.rows(table, **where)
            return len(seen) >= count

        wait_for(enough, timeout, lambda: f"{count} rows of {table} where {where}; last: {seen}")
        return seen
