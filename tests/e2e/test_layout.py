# SPDX-License-Identifier: Apache-2.0
"""What the harness saves of its time: copies that are what the tool would have made, servers' folders in memory."""
import os

from kit import memory
from kit.program import run_tool


def test_copied_topics_and_tables_are_what_the_tool_makes(apply, config, kafka, db, tmp_path):
    def tables(database):
        names = [name for row in database.query("SHOW TABLES") for name in row.values()]
        return {name: database.query(f"SHOW CREATE TABLE `{name}`")[0]["Create Table"] for name in names}

    apply(config)
    ini = config.write(tmp_path / "copied.ini")
    plan = run_tool("kabaoctl", "topics", "plan", "--config", ini)
    assert plan.returncode == 0, plan.stdout
    assert "the database is up to date" in run_tool("kabaoctl", "migrate", "--config", ini, "--yes").stdout
    made = db.server.create("kabao_made")
    try:
        ini = config.with_(mysql={"database": made.name}).write(tmp_path / "made.ini")
        assert run_tool("kabaoctl", "migrate", "--config", ini, "--yes").returncode == 0
        assert tables(db) == tables(made)
        assert [row["version"] for row in db.rows("schema_version")] == [
            row["version"] for row in made.rows("schema_version")]
    finally:
        made.drop()
    before = kafka.topics()
    apply(config.with_(topic={"event_retention_hours": 48}))
    assert kafka.topics() == before, "what is there is the tool's to alter"
    plan = run_tool("kabaoctl", "topics", "plan", "--config", config.write(ini))
    assert plan.returncode != 0 and " alter " in plan.stdout, plan.stdout


def test_a_folder_in_memory_ends_with_its_run(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MEMORY", tmp_path)
    monkeypatch.setattr(memory, "ROOM", 0)
    monkeypatch.setattr(memory, "SOAK", False)
    kept = tmp_path / "kept"
    kept.mkdir()
    killed = tmp_path / f"{memory.NAME}killed"
    killed.mkdir()
    os.utime(killed, (0, 0))
    with memory.folder(kept) as first:
        os.utime(first, (0, 0))
        (first / "server.log").write_text("said", encoding="utf-8")
        with memory.folder(kept) as second:
            assert first.exists() and second.exists() and not killed.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (kept / "server.log").read_text(encoding="utf-8") == "said"
    monkeypatch.setattr(memory, "ROOM", 1 << 60)
    with memory.folder(kept) as without_room:
        assert without_room == kept
