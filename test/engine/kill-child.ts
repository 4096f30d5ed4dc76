/**
 * Runs the scenario `argv[2]` on the database file `argv[3]`, with the file of calls `argv[4]` and the
 * seed `argv[5]`, until the process kills itself at the transaction number `argv[6]`, before or after it
 * (`argv[7]`). When there are not so many, it prints how many there are.
 */
import { DatabaseSync } from 'node:sqlite'
import { crashingDatabase } from './crashing-database.ts'
import { runScenario, type ScenarioName } from './scenarios.ts'

const [name, file, calls, seed, at, moment] = process.argv.slice(2) as [
  ScenarioName,
  string,
  string,
  string,
  string,
  'before' | 'after',
]
const connection = new DatabaseSync(file)
connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
const { database, commits } = crashingDatabase(connection, Number(at), moment, () => {
  process.kill(process.pid, 'SIGKILL')
  // The signal ends the process before this does.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
})
await runScenario(name, database, calls, Number(seed))
console.log(commits())
