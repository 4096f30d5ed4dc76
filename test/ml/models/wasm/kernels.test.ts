import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../../ml/data/random.ts'
import { inPanels, panelOffset } from '../../../../ml/models/wasm/arithmetic.ts'
import { Heap } from '../../../../ml/models/wasm/heap.ts'
import { Layout } from '../../../../ml/models/wasm/layout.ts'
import { exponential } from '../../../../ml/models/wasm/plain.ts'

/** Room for every argument of every function, over rows of `cols` columns. */
function workspace(count: number, cols: number) {
  const layout = new Layout()
  const [rows, padded] = [inPanels(count), cols + (cols % 2)]
  return {
    places: {
      panels: layout.doubles(rows * padded),
      squares: layout.doubles(rows),
      row: layout.doubles(2 * padded),
      values: layout.doubles(2 * rows),
      pull: layout.doubles(rows),
      targets: layout.doubles(rows),
      curvatures: layout.doubles(rows),
      ends: layout.doubles(2),
      numbers: layout.doubles(4),
      gram: layout.doubles(padded * padded),
      centred: layout.doubles(rows * (padded + 2)),
      status: layout.singles(rows),
      first: layout.singles(rows),
      second: layout.singles(rows),
    },
    bytes: layout.bytes,
    rows,
    padded,
  }
}

/** What every function makes of the same numbers. */
function results(kind: 'wasm' | 'plain', count: number, cols: number): unknown[] {
  const { places, bytes, rows, padded } = workspace(count, cols)
  const heap = new Heap(bytes, kind)
  const { arithmetic } = heap
  const random = seededRandom(count)
  const fill = (place: number, size: number, scale: number, offset = 0) => {
    const view = heap.doubles(place, size)
    for (let k = 0; k < size; k++) view[k] = scale * (random() - 0.5) + offset
    return view
  }
  fill(places.panels, rows * padded, 2)
  fill(places.squares, rows, 1, 3)
  fill(places.row, 2 * padded, 2)
  const pull = fill(places.pull, rows, 16)
  const targets = heap.doubles(places.targets, rows)
  const status = heap.singles(places.status, rows)
  for (let t = 0; t < rows; t++) {
    targets[t] = t % 3 === 0 ? 1 : 0
    status[t] = t < count ? ((t % 5) - 2 > 0 ? 1 : (t % 5) - 2 < 0 ? -1 : 0) : NaN
    // Ties, whose last one counts.
    if (t % 7 === 0) pull[t] = 7
  }
  const found: unknown[] = []
  const doubles = (place: number, size: number) => found.push(heap.doubles(place, size).slice())
  const singles = (place: number) => found.push(heap.singles(place, rows).slice())
  const { panels, squares, row, values, ends, numbers, first, second, gram, curvatures } = places

  arithmetic.rbfRow(row, 3.5, panels, squares, rows, cols, 0.4, first)
  singles(first)
  arithmetic.linearRow(row, panels, rows, cols, second)
  singles(second)
  const given = heap.doubles(numbers, 4)
  given.set([400, 3.5])
  arithmetic.rbfValues(row, numbers, panels, squares, rows, cols, values)
  doubles(values, rows)
  given.set([0.4, 3.5, 3.25])
  arithmetic.rbfValuesOfTwo(row, numbers, panels, squares, rows, cols, values)
  doubles(values, 2 * rows)
  arithmetic.dotProduct(values + 8, places.pull, count - 1, numbers)
  doubles(numbers, 4)
  found.push(arithmetic.selectFalling(places.pull, places.status, squares, first, rows, 6, 3))
  found.push(arithmetic.selectFalling(places.pull, places.status, squares, first, rows, -99, 3))
  found.push(arithmetic.updatePulls(places.pull, places.status, first, second, rows, 0, ends))
  doubles(ends, 2)
  found.push(arithmetic.updatePulls(places.pull, places.status, first, second, rows, 0.37, ends))
  doubles(ends, 2)
  doubles(places.pull, rows)
  arithmetic.addRow(places.pull, first, rows, 0.123)
  doubles(places.pull, rows)
  arithmetic.rowsTimes(panels, rows, padded, row, values)
  doubles(values, rows)
  arithmetic.transposedTimes(panels, rows, padded, values, row)
  doubles(row, padded)
  arithmetic.weightedGram(panels, values, rows, padded, gram)
  doubles(gram, padded * padded)
  arithmetic.centreRows(panels, count, cols, row, places.centred, gram)
  doubles(places.centred, rows * (padded + 2))
  doubles(gram, padded)
  found.push(
    arithmetic.logisticPass(places.pull, places.targets, squares, rows, values, curvatures),
  )
  doubles(values, rows)
  doubles(curvatures, rows)
  heap.doubles(places.pull, rows).forEach((value, t, all) => (all[t] = -Math.abs(value) * 99))
  arithmetic.exponentials(places.pull, rows)
  doubles(places.pull, rows)
  return found
}

describe('The kernels in WebAssembly', () => {
  it('give the bits that plain TypeScript gives', () => {
    for (const [count, cols] of [
      [1, 1],
      [16, 2],
      [37, 3],
      [200, 20],
      [203, 7],
    ] as const) {
      expect(results('wasm', count, cols)).toEqual(results('plain', count, cols))
    }
  })

  it('compute the rbf kernel and its products', () => {
    const cols = 5
    const { places, bytes, rows } = workspace(40, cols)
    const heap = new Heap(bytes)
    const random = seededRandom(3)
    const X = Array.from({ length: 40 }, () => Array.from({ length: cols }, () => random() * 2 - 1))
    const panels = heap.doubles(places.panels, rows * cols)
    const squares = heap.doubles(places.squares, rows)
    const dot = (a: number[], b: number[]) => a.reduce((sum, value, j) => sum + value * b[j]!, 0)
    X.forEach((row, i) => {
      row.forEach((value, j) => (panels[panelOffset(i, cols) + 16 * j] = value))
      squares[i] = dot(row, row)
    })
    heap.doubles(places.row, cols).set(X[7]!)
    heap.doubles(places.numbers, 2).set([0.6, squares[7]!])
    heap.arithmetic.rbfValues(
      places.row,
      places.numbers,
      places.panels,
      places.squares,
      rows,
      cols,
      places.values,
    )
    const values = heap.doubles(places.values, 40)
    X.forEach((row, i) => {
      const distance = row.reduce((sum, value, j) => sum + (value - X[7]![j]!) ** 2, 0)
      expect(values[i]).toBeCloseTo(Math.exp(-0.6 * distance), 12)
    })
    expect(values[7]).toBe(1)
  })
})

describe('centreRows', () => {
  it.each([
    { cols: 2, expected: [9, 18, 1, 0, 29, 38, 1, 0], squares: [5 + 81 + 841, 6 + 324 + 1444] },
    { cols: 3, expected: [9, 18, 27, 1, 39, 48, 57, 1], squares: [1607, 2634, 3985] },
  ])('of $cols columns takes the centre off and ends rows by a 1', (example) => {
    const { cols, expected, squares } = example
    for (const kind of ['wasm', 'plain'] as const) {
      const layout = new Layout()
      const [from, centre, sums] = [layout.doubles(6), layout.doubles(3), layout.doubles(3)]
      const to = layout.doubles(8)
      const heap = new Heap(layout.bytes, kind)
      heap.doubles(from, 6).set([10, 20, 30, 40, 50, 60])
      heap.doubles(centre, 3).set([1, 2, 3])
      heap.doubles(sums, 3).set([5, 6, 7])
      heap.doubles(to, 8).fill(NaN)
      heap.arithmetic.centreRows(from, 2, cols, centre, to, sums)
      expect([...heap.doubles(to, 8)]).toEqual(expected)
      expect([...heap.doubles(sums, cols)]).toEqual(squares)
    }
  })
})

describe('exponential', () => {
  it('is within 1e-13 of e^x, and 1 at 0', () => {
    expect(exponential(0)).toBe(1)
    expect(exponential(-0)).toBe(1)
    for (let x = -700; x < 0; x += 0.0617) {
      expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(1e-13)
    }
    expect(exponential(-1e300)).toBeLessThan(1e-300)
  })
})
