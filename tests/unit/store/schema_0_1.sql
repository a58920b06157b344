-- The tables of a store that ztoq 0.1 made (schema 3), as SQLite showed them then.
CREATE TABLE "checkpoint" ("kind" TEXT NOT NULL PRIMARY KEY, "run" INTEGER NOT NULL, "cursor" TEXT, "done" INTEGER NOT NULL, "passes" INTEGER NOT NULL, "pass_new" INTEGER NOT NULL);
CREATE TABLE "edge" ("child" INTEGER NOT NULL, "side" TEXT NOT NULL, "role" TEXT NOT NULL, "kind" TEXT NOT NULL, "key" TEXT NOT NULL);
CREATE INDEX "edge_kind_key_side" ON "edge" ("kind", "key", "side");
CREATE INDEX "edge_child_side" ON "edge" ("child", "side");
CREATE TABLE "file" ("sha256" TEXT NOT NULL PRIMARY KEY, "size" INTEGER NOT NULL, "media_type" TEXT NOT NULL, "path" TEXT NOT NULL);
CREATE TABLE "item" ("id" INTEGER NOT NULL PRIMARY KEY, "kind" TEXT NOT NULL, "key" TEXT NOT NULL, "rank" INTEGER NOT NULL, "state" TEXT NOT NULL, "reason" TEXT NOT NULL, "loss" INTEGER NOT NULL, "pending" INTEGER NOT NULL, "derived" INTEGER NOT NULL, "seen_run" INTEGER NOT NULL, "payload" BLOB, "record" BLOB, "digest" TEXT NOT NULL, "proof" TEXT NOT NULL, "chosen" TEXT NOT NULL, "target" BLOB, "target_digest" TEXT NOT NULL, "written_digest" TEXT NOT NULL, "finished_digest" TEXT NOT NULL, "before" BLOB, "turn" TEXT NOT NULL, "joined" TEXT NOT NULL, "borrowed" INTEGER NOT NULL, "created_run" INTEGER NOT NULL, "updated_run" INTEGER NOT NULL, "refused_digest" TEXT NOT NULL, "target_id" TEXT, "pid" TEXT NOT NULL, "url" TEXT NOT NULL, "version" TEXT NOT NULL, "parts" TEXT NOT NULL, "stamp" TEXT NOT NULL, "attempts" INTEGER NOT NULL, "deadline" DATETIME, "waiting" INTEGER NOT NULL, "open_files" INTEGER NOT NULL, "sibling_group" TEXT, "sibling_order" TEXT);
CREATE UNIQUE INDEX "item_kind_key" ON "item" ("kind", "key");
CREATE INDEX "item_kind_id" ON "item" ("kind", "id");
CREATE INDEX "item_state_waiting_rank_id" ON "item" ("state", "waiting", "rank", "id");
CREATE INDEX "item_kind_sibling_group_sibling_order_id" ON "item" ("kind", "sibling_group", "sibling_order", "id");
CREATE TABLE "journal" ("id" INTEGER NOT NULL PRIMARY KEY, "run" INTEGER NOT NULL, "item" INTEGER NOT NULL, "at" DATETIME NOT NULL, "event" TEXT NOT NULL, "digest" TEXT NOT NULL, "detail" TEXT NOT NULL);
CREATE INDEX "journal_item" ON "journal" ("item");
CREATE TABLE "meta" ("name" TEXT NOT NULL PRIMARY KEY, "value" TEXT NOT NULL);
CREATE TABLE "name" ("topic" TEXT NOT NULL, "id" TEXT NOT NULL, "key" TEXT NOT NULL, "name" TEXT NOT NULL, "email" TEXT NOT NULL, "active" INTEGER NOT NULL, "url" TEXT NOT NULL, "start" DATETIME, "end" DATETIME, "known" INTEGER NOT NULL, "seen" INTEGER NOT NULL, "asked" INTEGER NOT NULL, PRIMARY KEY ("topic", "id"));
CREATE TABLE "need" ("kind" TEXT NOT NULL, "name" TEXT NOT NULL, "type" TEXT NOT NULL, "value" TEXT NOT NULL, "count" INTEGER NOT NULL, "optional" INTEGER NOT NULL, PRIMARY KEY ("kind", "name", "type", "value"));
CREATE TABLE "note" ("id" INTEGER NOT NULL PRIMARY KEY, "kind" TEXT NOT NULL, "key" TEXT NOT NULL, "origin" TEXT NOT NULL, "level" TEXT NOT NULL, "code" TEXT NOT NULL, "text" TEXT NOT NULL);
CREATE INDEX "noterow_kind_key_origin" ON "note" ("kind", "key", "origin");
CREATE INDEX "noterow_level_code" ON "note" ("level", "code");
CREATE TABLE "reject" ("id" INTEGER NOT NULL PRIMARY KEY, "kind" TEXT NOT NULL, "key" TEXT NOT NULL, "reason" TEXT NOT NULL, "payload" TEXT NOT NULL);
CREATE UNIQUE INDEX "rejectrow_kind_key_reason" ON "reject" ("kind", "key", "reason");
CREATE TABLE "run" ("id" INTEGER NOT NULL PRIMARY KEY, "verb" TEXT NOT NULL, "host" TEXT NOT NULL, "pid" INTEGER NOT NULL, "started" DATETIME NOT NULL, "heartbeat" DATETIME NOT NULL, "ended" DATETIME, "outcome" TEXT NOT NULL);
CREATE INDEX item_unfinished ON item (open_files, rank, id)
        WHERE state = 'written';
CREATE INDEX item_listed ON item (id) WHERE pending;
CREATE INDEX item_target ON item (kind, target_id)
        WHERE target_id IS NOT NULL;
CREATE VIEW test_cases AS SELECT key, state, reason, target_id, pid, url, version, attempts FROM item WHERE kind = 'test_case';
CREATE VIEW test_cycles AS SELECT key, state, reason, target_id, pid, url, version, attempts FROM item WHERE kind = 'test_cycle';
CREATE VIEW test_plans AS SELECT key, state, reason, target_id, pid, url, version, attempts FROM item WHERE kind = 'test_plan';
CREATE VIEW test_executions AS SELECT key, state, reason, target_id, pid, url, version, attempts FROM item WHERE kind = 'test_log';
CREATE VIEW attachments AS SELECT key, state, reason, target_id, pid, url, version, attempts FROM item WHERE kind = 'attachment';
CREATE VIEW id_map AS SELECT kind, key, target_id, pid, url FROM item WHERE target_id IS NOT NULL;
CREATE VIEW progress AS SELECT kind, state, count(*) AS records FROM item GROUP BY kind, state;
CREATE TABLE item_count (kind NOT NULL, state NOT NULL, chosen NOT NULL, pending NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (kind, state, chosen, pending))
                    WITHOUT ROWID;
CREATE TRIGGER item_more AFTER INSERT ON item BEGIN INSERT INTO item_count (kind, state, chosen, pending, number) VALUES (new.kind, new.state, new.chosen, new.pending, 1)
            ON CONFLICT (kind, state, chosen, pending) DO UPDATE SET number = number + 1; END;
CREATE TRIGGER item_less AFTER DELETE ON item BEGIN UPDATE item_count SET number = number - 1 WHERE kind = old.kind AND state = old.state AND chosen = old.chosen AND pending = old.pending; END;
CREATE TRIGGER item_moved AFTER UPDATE OF kind, state, chosen, pending ON item
                    WHEN new.kind <> old.kind OR new.state <> old.state OR new.chosen <> old.chosen OR new.pending <> old.pending BEGIN UPDATE item_count SET number = number - 1 WHERE kind = old.kind AND state = old.state AND chosen = old.chosen AND pending = old.pending; INSERT INTO item_count (kind, state, chosen, pending, number) VALUES (new.kind, new.state, new.chosen, new.pending, 1)
            ON CONFLICT (kind, state, chosen, pending) DO UPDATE SET number = number + 1; END;
CREATE TABLE note_count (level NOT NULL, code NOT NULL, kind NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (level, code, kind))
                    WITHOUT ROWID;
CREATE TRIGGER note_more AFTER INSERT ON note BEGIN INSERT INTO note_count (level, code, kind, number) VALUES (new.level, new.code, new.kind, 1)
            ON CONFLICT (level, code, kind) DO UPDATE SET number = number + 1; END;
CREATE TRIGGER note_less AFTER DELETE ON note BEGIN UPDATE note_count SET number = number - 1 WHERE level = old.level AND code = old.code AND kind = old.kind; END;
CREATE TRIGGER note_moved AFTER UPDATE OF level, code, kind ON note
                    WHEN new.level <> old.level OR new.code <> old.code OR new.kind <> old.kind BEGIN UPDATE note_count SET number = number - 1 WHERE level = old.level AND code = old.code AND kind = old.kind; INSERT INTO note_count (level, code, kind, number) VALUES (new.level, new.code, new.kind, 1)
            ON CONFLICT (level, code, kind) DO UPDATE SET number = number + 1; END;
