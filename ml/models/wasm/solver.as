// Steps of sequential minimal optimisation, with a cache of kernel rows: what `svm/smo.ts` tells, on
// the state that `solver-state.ts` tells. As in `kernels.as`, every function is the twin of the one of
// its name in plain TypeScript, `plain-solver.ts`. A whole fit runs in here, so that a first one, for
// which nothing is compiled yet, is not slow.

import { linearRow, rbfRow, selectFalling, updatePulls } from './kernels'

const panelShift: usize = 4
const panelBytes: usize = 128
const none: i32 = -1
const leastCurvature: f64 = 1e-12
const mayRiseOnly: f32 = 1
const mayMove: f32 = 0
const mayFallOnly: f32 = -1

@unmanaged
class Solver {
  panels: usize
  squares: usize
  diagonal: usize
  pulls: usize
  statuses: usize
  row: usize
  order: usize
  coefficients: usize
  costs: usize
  slots: usize
  stride: usize
  slotOf: usize
  rowIn: usize
  older: usize
  newer: usize
  capacity: i32
  used: i32
  newest: i32
  oldest: i32
  count: i32
  cols: i32
  positives: i32
  isLinear: i32
  rising: i32
  gamma: f64
  tolerance: f64
  highest: f64
  lowest: f64
}

@inline function int(array: usize, i: i32): i32 { return load<i32>(array + (<usize>i << 2)) }

@inline function setInt(array: usize, i: i32, value: i32): void {
  store<i32>(array + (<usize>i << 2), value)
}

@inline function single(array: usize, i: i32): f32 { return load<f32>(array + (<usize>i << 2)) }

@inline function double(array: usize, i: i32): f64 { return load<f64>(array + (<usize>i << 3)) }

@inline function setDouble(array: usize, i: i32, value: f64): void {
  store<f64>(array + (<usize>i << 3), value)
}

@inline function inPanels(count: i32): i32 { return (count + 15) & ~15 }

export function sumRows(rows: usize, count: i32, cols: i32, sums: usize): void {
  const width = <usize>cols << 3
  let x = rows
  for (let i = 0; i < count; i++) {
    for (let j: usize = 0; j < width; j += 8) {
      store<f64>(sums + j, load<f64>(sums + j) + load<f64>(x + j))
    }
    x += width
  }
}

export function packPanel(
  rows: usize, cols: i32, centre: usize, length: f64, panel: usize, squares: usize,
): void {
  const width = <usize>cols << 3
  let x = rows
  for (let k: usize = 0; k < panelBytes; k += 8) {
    let square: f64 = 0
    for (let j: usize = 0; j < width; j += 8) {
      const value = (load<f64>(x + j) - load<f64>(centre + j)) / length
      store<f64>(panel + k + (j << panelShift), value)
      square += value * value
    }
    store<f64>(squares + k, square)
    x += width
  }
}

export function fillKernelRow(state: usize, i: i32, from: i32, out: usize): void {
  const s = changetype<Solver>(state)
  const width = <usize>s.cols << 3
  let at = panelRow(s, i, width)
  const end = s.row + width
  for (let x = s.row; x < end; x += 8, at += panelBytes) store<f64>(x, load<f64>(at))
  const panels = s.panels + <usize>from * width
  const count = inPanels(s.count) - from
  if (s.isLinear != 0) {
    linearRow(s.row, panels, count, s.cols, out)
  } else {
    const squares = s.squares + (<usize>from << 3)
    rbfRow(s.row, double(s.squares, i), panels, squares, count, s.cols, s.gamma, out)
  }
}

export function kernelRow(state: usize, i: i32): usize {
  const s = changetype<Solver>(state)
  let slot = int(s.slotOf, i)
  if (slot == none || slot != s.newest) {
    if (slot != none) {
      unlink(s, slot)
    } else {
      slot = freeSlot(s)
      setInt(s.rowIn, slot, i)
      setInt(s.slotOf, i, slot)
      fillKernelRow(state, i, 0, s.slots + <usize>slot * s.stride)
    }
    linkAsNewest(s, slot)
  }
  return s.slots + <usize>slot * s.stride
}

// A slot out of the list: a new one while there is room, else the one used longest ago.
function freeSlot(s: Solver): i32 {
  if (s.used < s.capacity) return s.used++
  const slot = s.oldest
  unlink(s, slot)
  setInt(s.slotOf, int(s.rowIn, slot), none)
  return slot
}

function unlink(s: Solver, slot: i32): void {
  const older = int(s.older, slot), newer = int(s.newer, slot)
  if (older == none) s.oldest = newer
  else setInt(s.newer, older, newer)
  if (newer == none) s.newest = older
  else setInt(s.older, newer, older)
}

function linkAsNewest(s: Solver, slot: i32): void {
  setInt(s.older, slot, s.newest)
  setInt(s.newer, slot, none)
  if (s.newest == none) s.oldest = slot
  else setInt(s.newer, s.newest, slot)
  s.newest = slot
}

export function beginSteps(state: usize): void {
  const s = changetype<Solver>(state)
  let rising = none
  let highest = -Infinity, lowest = Infinity
  for (let t = 0; t < s.count; t++) {
    setStatus(s, t)
    const status = single(s.statuses, t), pull = double(s.pulls, t)
    if (status >= mayMove && pull >= highest) {
      highest = pull
      rising = t
    }
    if (status <= mayMove && pull < lowest) lowest = pull
  }
  s.rising = rising
  s.highest = highest
  s.lowest = lowest
}

export function takeSteps(state: usize, most: i32): i32 {
  const s = changetype<Solver>(state)
  const count = inPanels(s.count)
  for (let taken = 0; taken < most; taken++) {
    if (s.highest - s.lowest < s.tolerance) return taken
    const rising = s.rising
    const risen = kernelRow(state, rising)
    const pull = double(s.pulls, rising), own = double(s.diagonal, rising)
    const falling = selectFalling(s.pulls, s.statuses, s.diagonal, risen, count, pull, own)
    const fallen = kernelRow(state, falling)
    const product = <f64>single(risen, falling)
    const curvature = max(own + double(s.diagonal, falling) - 2 * product, leastCurvature)
    const step = moveBoth(s, rising, falling, (pull - double(s.pulls, falling)) / curvature)
    const ends = offsetof<Solver>('highest')
    s.rising = updatePulls(s.pulls, s.statuses, risen, fallen, count, step, state + ends)
  }
  return most
}

// Moves two coefficients by `wanted` or as far as their bounds let them; answers how far.
function moveBoth(s: Solver, rising: i32, falling: i32, wanted: f64): f64 {
  const up = int(s.order, rising), down = int(s.order, falling)
  const high = double(s.coefficients, up), low = double(s.coefficients, down)
  const ceiling = up < s.positives ? double(s.costs, up) : 0
  const floor = down < s.positives ? 0 : -double(s.costs, down)
  const toCeiling = ceiling - high, toFloor = low - floor
  const step = min(min(wanted, toCeiling), toFloor)
  const raised = high + step, lowered = low - step
  setDouble(s.coefficients, up, raised >= ceiling || step == toCeiling ? ceiling : raised)
  setDouble(s.coefficients, down, lowered <= floor || step == toFloor ? floor : lowered)
  setStatus(s, rising)
  setStatus(s, falling)
  return step
}

@inline function setStatus(s: Solver, t: i32): void {
  const row = int(s.order, t)
  const coefficient = double(s.coefficients, row), cost = double(s.costs, row)
  const isPositive = row < s.positives
  const status = coefficient <= (isPositive ? 0 : -cost)
    ? mayRiseOnly
    : coefficient >= (isPositive ? cost : 0) ? mayFallOnly : mayMove
  store<f32>(s.statuses + (<usize>t << 2), status)
}

export function rowsToKeep(state: usize, kept: usize): i32 {
  const s = changetype<Solver>(state)
  let count: i32 = 0
  for (let t = 0; t < s.count; t++) {
    const pull = double(s.pulls, t), status = single(s.statuses, t)
    const rests = status == mayRiseOnly
      ? pull < s.lowest
      : status == mayFallOnly && pull > s.highest
    if (!rests) setInt(kept, count++, t)
  }
  return count
}

export function keepRows(state: usize, kept: usize, count: i32): void {
  const s = changetype<Solver>(state)
  const width = <usize>s.cols << 3
  for (let t = 0; t < count; t++) {
    const from = int(kept, t)
    const x = panelRow(s, from, width), out = panelRow(s, t, width)
    for (let c: usize = 0; c < width << panelShift; c += panelBytes) {
      store<f64>(out + c, load<f64>(x + c))
    }
    setInt(s.order, t, int(s.order, from))
    setDouble(s.squares, t, double(s.squares, from))
    setDouble(s.diagonal, t, double(s.diagonal, from))
    setDouble(s.pulls, t, double(s.pulls, from))
  }
}

// Where a row's first column stands.
@inline function panelRow(s: Solver, i: i32, width: usize): usize {
  return s.panels + ((<usize>(i >> 4) * width) << panelShift) + (<usize>(i & 15) << 3)
}

export function keepSingles(row: usize, kept: usize, count: i32, out: usize): void {
  for (let t = 0; t < count; t++) {
    store<f32>(out + (<usize>t << 2), single(row, int(kept, t)))
  }
}
