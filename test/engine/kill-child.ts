/**
 * Runs `everything` on the database file `argv[2]`, to its end, or until the process kills itself at
 * the commit number `argv[3]`, before or after it (`argv[4]`). Calls of functions go to the file
 * `argv[5]`, a line each.
 */
import { appendFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { openEngine, virtualClock } from '../../engine/index.ts'
import { crashingDatabase } from './crashing-database.ts'
import { everything, everythingFunctions } from './everything.ts'
import { functionsOf } from './support.ts'

const [, , file, at, moment, calls] = process.argv as [
  string,
  string,
  string,
  string,
  string,
  string,
]

const connection = new DatabaseSync(file)
connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
const { database, commits } = crashingDatabase(
  connection,
  Number(at),
  moment === 'before' ? 'before' : 'after',
  () => {
    process.kill(process.pid, 'SIGKILL')
    // The signal ends the process before this does.
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
  },
)
const engine = await openEngine({
  database,
  clock: virtualClock(),
  tasks: functionsOf(
    everythingFunctions((label) => {
      appendFileSync(calls, `${label}\n`)
    }),
  ),
})
const { stateMachineArn } = await engine.createStateMachine({
  name: 'everything',
  definition: everything,
})
const executionArn = stateMachineArn.replace('stateMachine', 'execution') + ':once'
const started = await engine
  .startExecution({ stateMachineArn, name: 'once' })
  .catch(() => ({ executionArn }))
const { status, output } = await engine.waitFor(started.executionArn)
const { events } = await engine.getExecutionHistory({ executionArn, maxResults: 1000 })
await engine.close()
console.log(
  JSON.stringify({ status, output, commits: commits(), types: events.map(({ type }) => type) }),
)
