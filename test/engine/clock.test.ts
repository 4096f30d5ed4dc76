import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { systemClock, virtualClock } from '../../engine/index.ts'

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

describe('virtualClock', () => {
  it('runs timers in order of their times, and those of one time as they were set', async () => {
    const clock = virtualClock({ start: 1000 })
    const ran: string[] = []
    for (const [at, name] of [
      [5000, 'c'],
      [2000, 'a'],
      [9000, 'e'],
      [2000, 'b'],
      [7000, 'd'],
    ] as const) {
      clock.setTimer(at, () => ran.push(`${name} ${clock.now()}`))
    }
    await turns(20)
    expect(ran).toEqual(['a 2000', 'b 2000', 'c 5000', 'd 7000', 'e 9000'])
  })

  it('keeps the order of many timers, also of those set and cancelled on the way', async () => {
    const clock = virtualClock({ start: 0, automatic: false })
    const ran: number[] = []
    const set = (at: number) => clock.setTimer(at, () => ran.push(at))
    const cancels = Array.from({ length: 500 }, (_, i) => set((i * 7919) % 1000))
    cancels.forEach((cancel, i) => {
      if (i % 3 === 0) cancel()
    })
    clock.setTimer(500, () => set(501))
    clock.advance(2000)
    expect(ran).toEqual([...ran].sort((a, b) => a - b))
    expect(ran).toHaveLength(334)
    expect(clock.now()).toBe(2000)
  })

  it('does not go back for a timer that is past', async () => {
    const clock = virtualClock({ start: 1000 })
    const at = await new Promise((resolve) =>
      clock.setTimer(10, () => {
        resolve(clock.now())
      }),
    )
    expect(at).toBe(1000)
  })

  it('stands still while it is held', async () => {
    const clock = virtualClock({ start: 0 })
    const release = clock.hold()
    let ran = false
    clock.setTimer(1, () => {
      ran = true
    })
    await turns(10)
    expect(ran).toBe(false)
    release()
    release()
    await turns(3)
    expect(ran).toBe(true)
  })

  it('stands still for a handler as long as its patience lasts', async () => {
    const patient = virtualClock({ start: 0, patience: 60_000 })
    const release = patient.hold('handler')
    let ran = false
    patient.setTimer(1, () => {
      ran = true
    })
    await turns(10)
    expect(ran).toBe(false)
    release()
    await turns(3)
    expect(ran).toBe(true)
    const impatient = virtualClock({ start: 0, patience: 0 })
    impatient.hold('handler')
    const at = await new Promise((resolve) =>
      impatient.setTimer(1, () => {
        resolve(impatient.now())
      }),
    )
    expect(at).toBe(1)
  })

  it('does not lose its patience at once where the process is held up', () => {
    const due: (() => void)[] = []
    const timeouts = vi.spyOn(globalThis, 'setTimeout').mockImplementation((callback) => {
      due.push(callback)
      return setImmediate(() => undefined) as unknown as NodeJS.Timeout
    })
    onTestFinished(() => timeouts.mockRestore())
    const clock = virtualClock({ start: 0, patience: 1000 })
    clock.hold('handler')
    let ran = false
    clock.setTimer(1, () => {
      ran = true
    })
    // However late it comes.
    due.shift()!()
    expect(ran).toBe(false)
    let more = 0
    for (; !ran; more++) due.shift()!()
    expect(more).toBeGreaterThan(5)
  })

  it('moves only when told to, when it is not automatic', async () => {
    const clock = virtualClock({ start: 0, automatic: false })
    const ran: number[] = []
    clock.setTimer(10, () => ran.push(clock.now()))
    clock.setTimer(20, () => ran.push(clock.now()))
    await turns(5)
    expect(ran).toEqual([])
    clock.advance(15)
    expect([ran, clock.now()]).toEqual([[10], 15])
  })
})

describe('systemClock', () => {
  it('runs timers when they are due, and not when cancelled', async () => {
    const ran: string[] = []
    systemClock.setTimer(systemClock.now() + 1, () => ran.push('cancelled'))()
    // Longer than the longest timeout of Node.js, which would run at once.
    const cancel = systemClock.setTimer(systemClock.now() + 2 ** 33, () => ran.push('far'))
    await new Promise<void>((resolve) => {
      systemClock.setTimer(systemClock.now() + 5, () => {
        ran.push('due')
        resolve()
      })
    })
    cancel()
    expect(ran).toEqual(['due'])
  })

  it('runs what was due long ago, without a warning of Node.js', async () => {
    const warned = vi.spyOn(process, 'emitWarning')
    await new Promise<void>((resolve) => {
      systemClock.setTimer(systemClock.now() - 2 ** 33, resolve)
    })
    expect(warned).not.toHaveBeenCalled()
    warned.mockRestore()
  })
})
