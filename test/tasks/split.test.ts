import { describe, expect, it } from 'vitest'
import { takeValues } from '../../ml/data/index.ts'
import { classLabel, datasetOf, splitDataset, splitRuleOf } from '../../tasks/dataset.ts'

const form = { format: 'csv', configuration: {} } as const

/** Rows held out, each as its one number and its class. */
function heldOutOf(lines: readonly string[]): string[] {
  const bytes = new TextEncoder().encode(['x,class', ...lines, ''].join('\n'))
  const dataset = datasetOf(bytes, form)
  const { heldOut } = splitDataset(dataset, splitRuleOf({}))
  const values = takeValues(dataset.features.data, heldOut)
  return Array.from(
    heldOut,
    (row, k) => `${values[k]},${classLabel(dataset, dataset.target[row]!)}`,
  )
}

it('What a smaller share holds out is among what a larger one does', () => {
  const lines = Array.from({ length: 2000 }, (_, i) => `${i / 8},${i % 2 === 0 ? 'a' : 'b'}`)
  const dataset = datasetOf(new TextEncoder().encode(['x,class', ...lines, ''].join('\n')), form)
  const shares = [0.05, 0.2, 0.25, 0.3, 0.5]
  const held = shares.map((heldOut) => new Set(splitDataset(dataset, { heldOut }).heldOut))
  held.forEach((rows, i) => {
    expect(Math.abs(rows.size / lines.length - shares[i]!)).toBeLessThan(0.04)
    const wider = held[i + 1] ?? rows
    expect([...rows].every((row) => wider.has(row))).toBe(true)
  })
})

describe('The split of a growing upload', () => {
  it('stays when a class comes that is first by name', () => {
    const lines = Array.from(
      { length: 400 },
      (_, i) => `${i / 8},${i % 2 === 0 ? 'beta' : 'gamma'}`,
    )
    const before = heldOutOf(lines)
    expect(before.length).toBeGreaterThan(60)
    const after = heldOutOf([...lines, '1000,alpha', '1001,alpha', '1002,alpha'])
    expect(after.filter((line) => !line.endsWith('alpha'))).toEqual(before)
  })

  it('stays when a category comes that is first by name, and leaves the features as they are', () => {
    const lines = Array.from(
      { length: 400 },
      (_, i) => `${['beta', 'gamma', ''][i % 3]},${i / 8},0`,
    )
    const heldOutRows = (all: readonly string[]) => {
      const dataset = datasetOf(new TextEncoder().encode(['c,x,y', ...all, ''].join('\n')), form)
      const before = dataset.features.data.slice()
      const { heldOut } = splitDataset(dataset, splitRuleOf({}))
      expect(dataset.features.data).toEqual(before)
      return [...heldOut]
    }
    const before = heldOutRows(lines)
    expect(before.length).toBeGreaterThan(60)
    expect(heldOutRows([...lines, 'alpha,1000,0']).filter((row) => row < 400)).toEqual(before)
  })
})
