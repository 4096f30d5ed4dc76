import { describe, expect, it } from 'vitest'
import { type Engine, openEngine, systemClock } from '../../engine/index.ts'
import { open } from './open.ts'
import { functionsOf, invoke, machine } from './support.ts'

const endless = {
  A: { Type: 'Pass', Next: 'B' },
  B: { Type: 'Choice', Choices: [{ Condition: '{% false %}', Next: 'Never' }], Default: 'A' },
  Never: { Type: 'Succeed' },
}

/** As many turns of the event loop as anything beside the loop may need. */
const someTurns = 200

async function startLoop(engine: Engine, rest: Record<string, unknown> = {}) {
  const { stateMachineArn } = await engine.createStateMachine({
    name: 'loop',
    definition: machine(endless, rest),
    type: 'EXPRESS',
  })
  // Never ends by itself: an Express execution has no limit of events.
  const outcome = engine.startSyncExecution({ stateMachineArn })
  let isOver = false
  const settled = outcome.then(
    (ended) => {
      isOver = true
      return ended
    },
    () => undefined,
  )
  return { settled, isOver: () => isOver }
}

describe('beside an execution that loops for ever', () => {
  it('timers, immediates and other executions go on', async () => {
    const engine = await open({ tasks: functionsOf({ double: (input) => Number(input) * 2 }) })
    const loop = await startLoop(engine)
    const { stateMachineArn } = await engine.createStateMachine({
      name: 'other',
      definition: machine({ T: invoke('double', { Next: 'P' }), P: { Type: 'Pass', End: true } }),
    })
    for (let i = 0; i < 20; i++) {
      const { executionArn } = await engine.startExecution({ stateMachineArn, input: String(i) })
      const ended = engine.waitFor(executionArn)
      let turns = 0
      const counting = (async () => {
        for (; turns < someTurns; turns++) await new Promise(setImmediate)
      })()
      expect((await ended).output).toBe(String(i * 2))
      expect(turns).toBeLessThan(someTurns)
      turns = someTurns
      await counting
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
    expect(loop.isOver()).toBe(false)
    await engine.close()
    expect(await loop.settled).toBeUndefined()
  })

  it('a stop ends it, after few more events', async () => {
    const engine = await open()
    const { stateMachineArn } = await engine.createStateMachine({
      name: 'loop',
      definition: machine(endless),
    })
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    const count = async () => {
      const { events } = await engine.getExecutionHistory({
        executionArn,
        reverseOrder: true,
        maxResults: 1,
      })
      return events[0]!.id
    }
    while ((await count()) < 100) await new Promise(setImmediate)
    const before = await count()
    await engine.stopExecution({ executionArn })
    expect((await engine.describeExecution({ executionArn })).status).toBe('ABORTED')
    expect(await count()).toBe(before + 1)
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    expect(await count()).toBe(before + 1)
  })

  it('its own timeout ends it', async () => {
    let now = Date.UTC(2024, 0, 1)
    let due: (() => void) | undefined
    // A clock that stands still until it is told that the second is over.
    const engine = await openEngine({
      tasks: () => undefined,
      clock: {
        now: () => now,
        setTimer(_at, callback) {
          due = callback
          return () => undefined
        },
      },
    })
    const loop = await startLoop(engine, { TimeoutSeconds: 1 })
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
    expect(loop.isOver()).toBe(false)
    now += 1000
    due!()
    expect(await loop.settled).toMatchObject({ status: 'TIMED_OUT', error: 'States.Timeout' })
    await engine.close()
  })

  it('also when its timer is one of the machine', async () => {
    const engine = await open({ clock: systemClock })
    const loop = await startLoop(engine, { TimeoutSeconds: 1 })
    expect(await loop.settled).toMatchObject({ status: 'TIMED_OUT', error: 'States.Timeout' })
  })
})
