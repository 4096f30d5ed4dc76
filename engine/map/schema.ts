/** The items of datasets, as they were read: a few hundred of them a row, as a JSON array. */
export const itemSchema = `
CREATE TABLE IF NOT EXISTS engine_map_items (
  mapRun INTEGER NOT NULL, first INTEGER NOT NULL, source TEXT NOT NULL, keys TEXT,
  items TEXT NOT NULL, PRIMARY KEY (mapRun, first)
) WITHOUT ROWID;
`

/** The tables of map runs, which the engine's database has beside its others. */
export const mapSchema = `
CREATE TABLE IF NOT EXISTS engine_map_run (
  id INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, execution INTEGER NOT NULL,
  scope INTEGER NOT NULL, state TEXT NOT NULL, label TEXT NOT NULL, status TEXT NOT NULL,
  startTime REAL NOT NULL, stopTime REAL, maxConcurrency INTEGER NOT NULL,
  toleratedFailureCount INTEGER NOT NULL, toleratedFailurePercentage REAL NOT NULL, total INTEGER,
  isBatched INTEGER NOT NULL, isWritten INTEGER NOT NULL DEFAULT 0,
  redriveCount INTEGER NOT NULL DEFAULT 0, redriveTime REAL
);
CREATE INDEX IF NOT EXISTS engine_map_run_execution ON engine_map_run (execution, id);
CREATE TABLE IF NOT EXISTS engine_map_child (
  execution INTEGER PRIMARY KEY, mapRun INTEGER NOT NULL, item INTEGER NOT NULL,
  items INTEGER NOT NULL, round INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS engine_map_child_item ON engine_map_child (mapRun, item);
${itemSchema}`
