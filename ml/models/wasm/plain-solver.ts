import { inPanels, panelOffset, panelRows, type Arithmetic } from './arithmetic.ts'
import { none, real, word, type SolverArithmetic } from './solver-state.ts'

type RowArithmetic = Pick<Arithmetic, 'rbfRow' | 'linearRow' | 'selectFalling' | 'updatePulls'>

/** Statuses of a coefficient. */
const mayRiseOnly = 1
const mayMove = 0
const mayFallOnly = -1

/** The curvature taken where the kernel has none along a step (libsvm's TAU). */
const leastCurvature = 1e-12

/**
 * The solver's arithmetic without WebAssembly. Each function does what its twin in `solver.as` does,
 * in the same order.
 */
export function plainSolver(buffer: ArrayBuffer, rows: RowArithmetic): SolverArithmetic {
  const ints = new Int32Array(buffer)
  const doubles = new Float64Array(buffer)
  const singles = new Float32Array(buffer)

  /** Words are signed here, but places are not. */
  const placeAt = (index: number) => ints[index]! >>> 0

  const fillKernelRow = (state: number, i: number, from: number, out: number) => {
    const s = state / 4
    const cols = ints[s + word.cols]!
    const [row, panels, squares] = [word.row, word.panels, word.squares].map((w) => placeAt(s + w))
    const at = panels! / 8 + panelOffset(i, cols)
    for (let c = 0; c < cols; c++) doubles[row! / 8 + c] = doubles[at + c * panelRows]!
    const count = inPanels(ints[s + word.count]!) - from
    const start = panels! + 8 * panelOffset(from, cols)
    if (ints[s + word.isLinear] !== 0) {
      rows.linearRow(row!, start, count, cols, out)
    } else {
      const square = doubles[squares! / 8 + i]!
      const gamma = doubles[state / 8 + real.gamma]!
      rows.rbfRow(row!, square, start, squares! + 8 * from, count, cols, gamma, out)
    }
  }

  const unlink = (s: number, slot: number) => {
    const [olders, newers] = [placeAt(s + word.older) / 4, placeAt(s + word.newer) / 4]
    const older = ints[olders + slot]!
    const newer = ints[newers + slot]!
    if (older === none) ints[s + word.oldest] = newer
    else ints[newers + older] = newer
    if (newer === none) ints[s + word.newest] = older
    else ints[olders + newer] = older
  }

  const linkAsNewest = (s: number, slot: number) => {
    const [olders, newers] = [placeAt(s + word.older) / 4, placeAt(s + word.newer) / 4]
    const newest = ints[s + word.newest]!
    ints[olders + slot] = newest
    ints[newers + slot] = none
    if (newest === none) ints[s + word.oldest] = slot
    else ints[newers + newest] = slot
    ints[s + word.newest] = slot
  }

  /** A slot out of the list: a new one while there is room, else the one used longest ago. */
  const freeSlot = (s: number) => {
    if (ints[s + word.used]! < ints[s + word.capacity]!) return ints[s + word.used]!++
    const slot = ints[s + word.oldest]!
    unlink(s, slot)
    ints[placeAt(s + word.slotOf) / 4 + ints[placeAt(s + word.rowIn) / 4 + slot]!] = none
    return slot
  }

  const kernelRow = (state: number, i: number) => {
    const s = state / 4
    const slotOf = placeAt(s + word.slotOf) / 4
    const place = (slot: number) => placeAt(s + word.slots) + slot * ints[s + word.stride]!
    let slot = ints[slotOf + i]!
    if (slot !== none && slot === ints[s + word.newest]) return place(slot)
    if (slot !== none) {
      unlink(s, slot)
    } else {
      slot = freeSlot(s)
      ints[placeAt(s + word.rowIn) / 4 + slot] = i
      ints[slotOf + i] = slot
      fillKernelRow(state, i, 0, place(slot))
    }
    linkAsNewest(s, slot)
    return place(slot)
  }

  const setStatus = (s: number, t: number) => {
    const row = ints[placeAt(s + word.order) / 4 + t]!
    const coefficient = doubles[placeAt(s + word.coefficients) / 8 + row]!
    const cost = doubles[placeAt(s + word.costs) / 8 + row]!
    const isPositive = row < ints[s + word.positives]!
    let status = mayMove
    if (coefficient <= (isPositive ? 0 : -cost)) status = mayRiseOnly
    else if (coefficient >= (isPositive ? cost : 0)) status = mayFallOnly
    singles[placeAt(s + word.statuses) / 4 + t] = status
  }

  /** Moves two coefficients by `wanted` or as far as their bounds let them; answers how far. */
  const moveBoth = (s: number, rising: number, falling: number, wanted: number) => {
    const order = placeAt(s + word.order) / 4
    const coefficients = placeAt(s + word.coefficients) / 8
    const costs = placeAt(s + word.costs) / 8
    const positives = ints[s + word.positives]!
    const [up, down] = [ints[order + rising]!, ints[order + falling]!]
    const [high, low] = [doubles[coefficients + up]!, doubles[coefficients + down]!]
    const ceiling = up < positives ? doubles[costs + up]! : 0
    const floor = down < positives ? 0 : -doubles[costs + down]!
    const [toCeiling, toFloor] = [ceiling - high, low - floor]
    const step = Math.min(wanted, toCeiling, toFloor)
    // A bound is met exactly or not at all: rounding must leave no coefficient a hair beside it.
    const [raised, lowered] = [high + step, low - step]
    doubles[coefficients + up] = raised >= ceiling || step === toCeiling ? ceiling : raised
    doubles[coefficients + down] = lowered <= floor || step === toFloor ? floor : lowered
    setStatus(s, rising)
    setStatus(s, falling)
    return step
  }

  return {
    fillKernelRow,
    kernelRow,

    sumRows(matrix, count, cols, sums) {
      for (let i = 0, x = matrix / 8; i < count; i++, x += cols) {
        for (let j = 0; j < cols; j++) doubles[sums / 8 + j]! += doubles[x + j]!
      }
    },

    packPanel(matrix, cols, centre, length, panel, squares) {
      for (let k = 0, x = matrix / 8; k < panelRows; k++, x += cols) {
        let square = 0
        for (let j = 0; j < cols; j++) {
          const value = (doubles[x + j]! - doubles[centre / 8 + j]!) / length
          doubles[panel / 8 + j * panelRows + k] = value
          square += value * value
        }
        doubles[squares / 8 + k] = square
      }
    },

    beginSteps(state) {
      const s = state / 4
      const pulls = placeAt(s + word.pulls) / 8
      const statuses = placeAt(s + word.statuses) / 4
      let rising = none
      let highest = -Infinity
      let lowest = Infinity
      for (let t = 0; t < ints[s + word.count]!; t++) {
        setStatus(s, t)
        const status = singles[statuses + t]!
        const pull = doubles[pulls + t]!
        if (status >= mayMove && pull >= highest) {
          highest = pull
          rising = t
        }
        if (status <= mayMove && pull < lowest) lowest = pull
      }
      ints[s + word.rising] = rising
      doubles[state / 8 + real.highest] = highest
      doubles[state / 8 + real.lowest] = lowest
    },

    takeSteps(state, most) {
      const s = state / 4
      const [pulls, statuses, diagonal] = [word.pulls, word.statuses, word.diagonal].map((w) =>
        placeAt(s + w),
      ) as [number, number, number]
      const count = inPanels(ints[s + word.count]!)
      const ends = state / 8 + real.highest
      const tolerance = doubles[state / 8 + real.tolerance]!
      for (let taken = 0; taken < most; taken++) {
        if (doubles[ends]! - doubles[ends + 1]! < tolerance) return taken
        const rising = ints[s + word.rising]!
        const risen = kernelRow(state, rising)
        const pull = doubles[pulls / 8 + rising]!
        const own = doubles[diagonal / 8 + rising]!
        const falling = rows.selectFalling(pulls, statuses, diagonal, risen, count, pull, own)
        const fallen = kernelRow(state, falling)
        const product = singles[risen / 4 + falling]!
        const curvature = own + doubles[diagonal / 8 + falling]! - 2 * product
        const wanted = (pull - doubles[pulls / 8 + falling]!) / Math.max(curvature, leastCurvature)
        const step = moveBoth(s, rising, falling, wanted)
        ints[s + word.rising] = rows.updatePulls(
          ...([pulls, statuses, risen, fallen, count, step, 8 * ends] as const),
        )
      }
      return most
    },

    rowsToKeep(state, kept) {
      const s = state / 4
      const pulls = placeAt(s + word.pulls) / 8
      const statuses = placeAt(s + word.statuses) / 4
      const highest = doubles[state / 8 + real.highest]!
      const lowest = doubles[state / 8 + real.lowest]!
      let count = 0
      for (let t = 0; t < ints[s + word.count]!; t++) {
        const pull = doubles[pulls + t]!
        const status = singles[statuses + t]!
        const rests =
          status === mayRiseOnly ? pull < lowest : status === mayFallOnly && pull > highest
        if (!rests) ints[kept / 4 + count++] = t
      }
      return count
    },

    // No row is overwritten before it has moved.
    keepRows(state, kept, count) {
      const s = state / 4
      const cols = ints[s + word.cols]!
      const panels = placeAt(s + word.panels) / 8
      const columns = [word.squares, word.diagonal, word.pulls].map((w) => placeAt(s + w) / 8)
      const order = placeAt(s + word.order) / 4
      for (let t = 0; t < count; t++) {
        const from = ints[kept / 4 + t]!
        const [x, out] = [panels + panelOffset(from, cols), panels + panelOffset(t, cols)]
        for (let c = 0; c < cols * panelRows; c += panelRows) doubles[out + c] = doubles[x + c]!
        for (const column of columns) doubles[column + t] = doubles[column + from]!
        ints[order + t] = ints[order + from]!
      }
    },

    keepSingles(row, kept, count, out) {
      for (let t = 0; t < count; t++) singles[out / 4 + t] = singles[row / 4 + ints[kept / 4 + t]!]!
    },
  }
}
