import { describe, expect, it } from 'vitest'
import { decideGate } from '../../tasks/gate.ts'

const champion = { version: 3, schemaChange: null }
const evidence = {
  champion,
  heldOutRows: 40,
  scores: { challenger: 0.9, champion: 0.9 },
  interval: [-0.1, 0.1] as const,
}

describe('gate', () => {
  it('lets the first version pass, however few its rows', () => {
    const decision = decideGate({ champion: null, heldOutRows: 3, scores: null, interval: null })
    expect(decision).toMatchObject({ verdict: 'first', promote: true, championVersion: null })
  })

  it('lets a version pass that is not worse, and keeps one that is', () => {
    expect(decideGate(evidence)).toMatchObject({ verdict: 'not-worse', promote: true })
    const worse = decideGate({ ...evidence, scores: { challenger: 0.89, champion: 0.9 } })
    expect(worse).toMatchObject({ verdict: 'worse', promote: false, championVersion: 3 })
    expect(worse.reason).toContain('0.8900')
  })

  it('does not compare on fewer than thirty rows', () => {
    expect(decideGate({ ...evidence, heldOutRows: 29 })).toMatchObject({
      verdict: 'too-few-rows',
      promote: false,
    })
    expect(decideGate({ ...evidence, heldOutRows: 30 }).promote).toBe(true)
  })

  it('lets a changed schema wait for a person', () => {
    const decision = decideGate({
      champion: { version: 3, schemaChange: 'other columns' },
      heldOutRows: 40,
      scores: null,
      interval: null,
    })
    expect(decision).toMatchObject({ verdict: 'schema-changed', promote: false })
  })
})
