// The arithmetic of the kernel machines and of logistic regression, two doubles at a time.
//
// AssemblyScript; `build.js` compiles it into `kernels.generated.ts`. Every function works on places
// in the one linear memory, given in bytes, and is the twin of the function of its name in `plain.ts`:
// the same operations on each number in the same order, so that both give the same bits. What the
// functions do is told in `arithmetic.ts`.
//
// Counts of rows are multiples of 16: rows come in panels of 16, the values of one column side by
// side, so that no sum crosses lanes and the 16 sums of a panel, which fill eight registers, are far
// enough apart for a processor to start one before the last is done.

export * from './solver'

const panel: i32 = 16
const panelShift: usize = 4
const panelBytes: usize = 128
const log2e: f64 = 1.4426950408889634
const ln2: f64 = 0.6931471805599453
// Adding it rounds to a whole number, which then stands in the lowest bits: 1.5 · 2^52.
const rounder: f64 = 6755399441055744
const leastExponent: f64 = -708
const leastCurvature: f64 = 1e-12

@inline function two(value: f64): v128 { return f64x2.splat(value) }

// e to values of at most 0.
// From memory, where a constant in the code would be built anew, in several steps, at each use.
@inline function constant(index: usize): v128 { return v128.load64_splat(constants + (index << 3)) }

const constants: usize = memory.data<f64>([
  leastExponent, log2e, rounder, ln2,
  1.0, 0.9999999999999132, 0.4999999999960994, 0.16666666667746804, 0.041666666985423435,
  0.008333333007537753, 0.0013888808148780707, 0.00019841603270247423, 2.4882017810948114e-5,
  2.7476764562189416e-6, 0.0,
  1.4142135623730951, 0.34657359027997264,
  1.0 / 3.0, 1.0 / 5.0, 1.0 / 7.0, 1.0 / 9.0, 1.0 / 11.0, 1.0 / 13.0, 1.0 / 15.0, 1.0 / 17.0,
  1.0 / 19.0,
])

// e to two pairs of values of at most 0, into `out` as doubles or as singles: two pairs at once share
// the constants' loads.
@inline function exponentials4(first: v128, second: v128, out: usize, narrow: bool): void {
  let c = constant(0), d = constant(1)
  const x = f64x2.pmax(first, c), y = f64x2.pmax(second, c)
  c = constant(2)
  const xShifted = f64x2.add(f64x2.mul(x, d), c), yShifted = f64x2.add(f64x2.mul(y, d), c)
  d = constant(3)
  const r = f64x2.sub(x, f64x2.mul(f64x2.sub(xShifted, c), d))
  const s = f64x2.sub(y, f64x2.mul(f64x2.sub(yShifted, c), d))
  const r2 = f64x2.mul(r, r), s2 = f64x2.mul(s, s)
  c = constant(13); d = constant(12)
  let p = f64x2.add(d, f64x2.mul(c, r)), q = f64x2.add(d, f64x2.mul(c, s))
  c = constant(11); d = constant(10)
  p = f64x2.add(f64x2.add(d, f64x2.mul(c, r)), f64x2.mul(p, r2))
  q = f64x2.add(f64x2.add(d, f64x2.mul(c, s)), f64x2.mul(q, s2))
  c = constant(9); d = constant(8)
  p = f64x2.add(f64x2.add(d, f64x2.mul(c, r)), f64x2.mul(p, r2))
  q = f64x2.add(f64x2.add(d, f64x2.mul(c, s)), f64x2.mul(q, s2))
  c = constant(7); d = constant(6)
  p = f64x2.add(f64x2.add(d, f64x2.mul(c, r)), f64x2.mul(p, r2))
  q = f64x2.add(f64x2.add(d, f64x2.mul(c, s)), f64x2.mul(q, s2))
  c = constant(5); d = constant(4)
  p = f64x2.add(f64x2.add(d, f64x2.mul(c, r)), f64x2.mul(p, r2))
  q = f64x2.add(f64x2.add(d, f64x2.mul(c, s)), f64x2.mul(q, s2))
  p = i64x2.add(p, i64x2.shl(xShifted, 52))
  q = i64x2.add(q, i64x2.shl(yShifted, 52))
  if (narrow) storeSingles(out, p, q)
  else {
    v128.store(out, p)
    v128.store(out, q, 16)
  }
}

// Room for the sums of one panel or two, at the bottom of the memory, which the heap leaves free.
const sums: usize = 64

// The rbf kernel of four products, which stand at `place`, into `out`.
@inline function rbf4(
  place: usize, square: v128, squares: usize, gamma: v128, out: usize, narrow: bool,
): void {
  const a = v128.load(place), b = v128.load(place, 16)
  const first = f64x2.sub(f64x2.add(square, v128.load(squares)), f64x2.add(a, a))
  const second = f64x2.sub(f64x2.add(square, v128.load(squares, 16)), f64x2.add(b, b))
  const none = constant(14)
  exponentials4(
    f64x2.mul(gamma, f64x2.pmax(first, none)),
    f64x2.mul(gamma, f64x2.pmax(second, none)),
    out,
    narrow,
  )
}

@inline function storeSingles(out: usize, a: v128, b: v128): void {
  const both = v128.shuffle<f32>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 1, 4, 5)
  v128.store(out, both)
}

@inline function singles(place: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(place))
}

// The products of a row with the rows of a panel, into `sums`.
@inline function multiplyPanel(row: usize, panel: usize, width: usize): void {
  let a = two(0), b = two(0), c = two(0), d = two(0)
  let e = two(0), f = two(0), g = two(0), h = two(0)
  const end = row + width
  for (let x = row, at = panel; x < end; x += 8, at += panelBytes) {
    const value = v128.load64_splat(x)
    a = f64x2.add(a, f64x2.mul(value, v128.load(at)))
    b = f64x2.add(b, f64x2.mul(value, v128.load(at, 16)))
    c = f64x2.add(c, f64x2.mul(value, v128.load(at, 32)))
    d = f64x2.add(d, f64x2.mul(value, v128.load(at, 48)))
    e = f64x2.add(e, f64x2.mul(value, v128.load(at, 64)))
    f = f64x2.add(f, f64x2.mul(value, v128.load(at, 80)))
    g = f64x2.add(g, f64x2.mul(value, v128.load(at, 96)))
    h = f64x2.add(h, f64x2.mul(value, v128.load(at, 112)))
  }
  v128.store(sums, a)
  v128.store(sums, b, 16)
  v128.store(sums, c, 32)
  v128.store(sums, d, 48)
  v128.store(sums, e, 64)
  v128.store(sums, f, 80)
  v128.store(sums, g, 96)
  v128.store(sums, h, 112)
}

export function rbfRow(
  row: usize, square: f64, panels: usize, squares: usize, count: i32, cols: i32, gamma: f64,
  out: usize,
): void {
  const width = <usize>cols << 3
  let at = panels, s = squares, o = out
  for (let t = 0; t < count; t += panel) {
    multiplyPanel(row, at, width)
    for (let k: usize = 0; k < panelBytes; k += 32) {
      rbf4(sums + k, two(square), s, two(-gamma), o, true)
      s += 32
      o += 16
    }
    at += width << panelShift
  }
}

export function linearRow(row: usize, panels: usize, count: i32, cols: i32, out: usize): void {
  const width = <usize>cols << 3
  let at = panels, o = out
  for (let t = 0; t < count; t += panel) {
    multiplyPanel(row, at, width)
    for (let k: usize = 0; k < panelBytes; k += 32) {
      storeSingles(o, v128.load(sums + k), v128.load(sums + k, 16))
      o += 16
    }
    at += width << panelShift
  }
}

export function rbfValues(
  row: usize, numbers: usize, panels: usize, squares: usize, count: i32, cols: i32, out: usize,
): void {
  const width = <usize>cols << 3
  const gamma = load<f64>(numbers), square = load<f64>(numbers, 8)
  let at = panels, s = squares, o = out
  for (let t = 0; t < count; t += panel) {
    multiplyPanel(row, at, width)
    for (let k: usize = 0; k < panelBytes; k += 32) {
      rbf4(sums + k, two(square), s, two(-gamma), o, false)
      s += 32
      o += 32
    }
    at += width << panelShift
  }
}

// `rbfValues` of two rows that stand one after the other, whose values do so too, by half panels.
export function rbfValuesOfTwo(
  row: usize, numbers: usize, panels: usize, squares: usize, count: i32, cols: i32, out: usize,
): void {
  const width = <usize>cols << 3
  const gamma = load<f64>(numbers), square = load<f64>(numbers, 8)
  const otherSquare = load<f64>(numbers, 16)
  const end = row + width
  let start = panels, s = squares, o = out, p = out + (<usize>count << 3)
  for (let t = 0; t < count; t += panel >> 1) {
    let a = two(0), b = two(0), c = two(0), d = two(0)
    let e = two(0), f = two(0), g = two(0), h = two(0)
    for (let x = row, at = start; x < end; x += 8, at += panelBytes) {
      const value = v128.load64_splat(x)
      const other = v128.load64_splat(x + width)
      const first = v128.load(at), second = v128.load(at, 16)
      const third = v128.load(at, 32), fourth = v128.load(at, 48)
      a = f64x2.add(a, f64x2.mul(value, first))
      b = f64x2.add(b, f64x2.mul(value, second))
      c = f64x2.add(c, f64x2.mul(value, third))
      d = f64x2.add(d, f64x2.mul(value, fourth))
      e = f64x2.add(e, f64x2.mul(other, first))
      f = f64x2.add(f, f64x2.mul(other, second))
      g = f64x2.add(g, f64x2.mul(other, third))
      h = f64x2.add(h, f64x2.mul(other, fourth))
    }
    v128.store(o, a)
    v128.store(o, b, 16)
    v128.store(o, c, 32)
    v128.store(o, d, 48)
    v128.store(p, e)
    v128.store(p, f, 16)
    v128.store(p, g, 32)
    v128.store(p, h, 48)
    for (let k: usize = 0; k < 64; k += 32) {
      rbf4(o, two(square), s, two(-gamma), o, false)
      rbf4(p, two(otherSquare), s, two(-gamma), p, false)
      s += 32
      o += 32
      p += 32
    }
    // From the first half to the second, and from there to the next panel.
    start += (t & 8) == 0 ? 64 : (width << panelShift) - 64
  }
}

export function dotProduct(first: usize, second: usize, count: i32, out: usize): void {
  let a = two(0), b = two(0), c = two(0), d = two(0)
  const whole = count & ~7
  let x = first, y = second
  for (let t = 0; t < whole; t += 8) {
    a = f64x2.add(a, f64x2.mul(v128.load(x), v128.load(y)))
    b = f64x2.add(b, f64x2.mul(v128.load(x, 16), v128.load(y, 16)))
    c = f64x2.add(c, f64x2.mul(v128.load(x, 32), v128.load(y, 32)))
    d = f64x2.add(d, f64x2.mul(v128.load(x, 48), v128.load(y, 48)))
    x += 64
    y += 64
  }
  let rest: f64 = 0
  for (let t = whole; t < count; t++) {
    rest += load<f64>(x) * load<f64>(y)
    x += 8
    y += 8
  }
  const sum = f64x2.add(f64x2.add(a, b), f64x2.add(c, d))
  store<f64>(out, f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1) + rest)
}

export function selectFalling(
  pull: usize, status: usize, diagonal: usize, row: usize, count: i32, top: f64, own: f64,
): i32 {
  // Few rows gain more than those before them; only those are divided for, and exactly.
  let best: f64 = 0, bestAt: i32 = -1
  let least = two(0)
  for (let t = 0; t < count; t += 2) {
    const wide = <usize>t << 3, narrow = <usize>t << 2
    const difference = f64x2.sub(two(top), v128.load(pull + wide))
    const can = v128.and(f64x2.le(singles(status + narrow), two(0)), f64x2.gt(difference, two(0)))
    const kernel = singles(row + narrow)
    const curvature = f64x2.pmax(
      f64x2.sub(f64x2.add(two(own), v128.load(diagonal + wide)), f64x2.add(kernel, kernel)),
      two(leastCurvature),
    )
    const square = f64x2.mul(difference, difference)
    const candidates = v128.and(can, f64x2.ge(square, f64x2.mul(least, curvature)))
    if (!v128.any_true(candidates)) continue
    const gain = f64x2.div(square, curvature)
    const mask = i64x2.bitmask(candidates)
    const even = f64x2.extract_lane(gain, 0), odd = f64x2.extract_lane(gain, 1)
    if ((mask & 1) != 0 && even >= best) {
      best = even
      bestAt = t
    }
    if ((mask & 2) != 0 && odd >= best) {
      best = odd
      bestAt = t + 1
    }
    // A little less than the best, so that rounding of the product hides no gain.
    least = two(best * 0.999999999999)
  }
  return bestAt
}

export function updatePulls(
  pull: usize, status: usize, rising: usize, falling: usize, count: i32, step: f64, ends: usize,
): i32 {
  let highest: f64 = -Infinity, highestAt: i32 = -1
  let least = two(-Infinity), lowest = two(Infinity)
  for (let t = 0; t < count; t += 2) {
    const wide = <usize>t << 3, narrow = <usize>t << 2
    const change = f64x2.sub(singles(falling + narrow), singles(rising + narrow))
    const updated = f64x2.add(v128.load(pull + wide), f64x2.mul(two(step), change))
    v128.store(pull + wide, updated)
    const state = singles(status + narrow)
    const lower = v128.bitselect(updated, two(Infinity), f64x2.le(state, two(0)))
    lowest = f64x2.pmin(lowest, lower)
    const higher = v128.and(f64x2.ge(state, two(0)), f64x2.ge(updated, least))
    if (!v128.any_true(higher)) continue
    const mask = i64x2.bitmask(higher)
    const even = f64x2.extract_lane(updated, 0), odd = f64x2.extract_lane(updated, 1)
    if ((mask & 1) != 0) {
      highest = even
      highestAt = t
    }
    if ((mask & 2) != 0 && odd >= highest) {
      highest = odd
      highestAt = t + 1
    }
    least = two(highest)
  }
  store<f64>(ends, highest)
  store<f64>(ends, min(f64x2.extract_lane(lowest, 0), f64x2.extract_lane(lowest, 1)), 8)
  return highestAt
}

export function addRow(target: usize, row: usize, count: i32, factor: f64): void {
  for (let t = 0; t < count; t += 2) {
    const place = target + (<usize>t << 3)
    const product = f64x2.mul(two(factor), singles(row + (<usize>t << 2)))
    v128.store(place, f64x2.add(v128.load(place), product))
  }
}

export function rowsTimes(rows: usize, count: i32, cols: i32, vector: usize, out: usize): void {
  const width = <usize>cols << 3
  let x = rows
  for (let i = 0; i < count; i += 4) {
    let a = two(0), b = two(0), c = two(0), d = two(0)
    for (let j: usize = 0; j < width; j += 16) {
      const value = v128.load(vector + j)
      a = f64x2.add(a, f64x2.mul(value, v128.load(x + j)))
      b = f64x2.add(b, f64x2.mul(value, v128.load(x + width + j)))
      c = f64x2.add(c, f64x2.mul(value, v128.load(x + 2 * width + j)))
      d = f64x2.add(d, f64x2.mul(value, v128.load(x + 3 * width + j)))
    }
    const o = out + (<usize>i << 3)
    v128.store(o, f64x2.add(v128.shuffle<f64>(a, b, 0, 2), v128.shuffle<f64>(a, b, 1, 3)))
    v128.store(o, f64x2.add(v128.shuffle<f64>(c, d, 0, 2), v128.shuffle<f64>(c, d, 1, 3)), 16)
    x += 4 * width
  }
}

export function transposedTimes(
  rows: usize, count: i32, cols: i32, vector: usize, out: usize,
): void {
  const width = <usize>cols << 3
  let x = rows
  for (let i = 0; i < count; i += 4) {
    const v = vector + (<usize>i << 3)
    const first = v128.load64_splat(v), second = v128.load64_splat(v, 8)
    const third = v128.load64_splat(v, 16), fourth = v128.load64_splat(v, 24)
    for (let j: usize = 0; j < width; j += 16) {
      let sum = v128.load(out + j)
      sum = f64x2.add(sum, f64x2.mul(first, v128.load(x + j)))
      sum = f64x2.add(sum, f64x2.mul(second, v128.load(x + width + j)))
      sum = f64x2.add(sum, f64x2.mul(third, v128.load(x + 2 * width + j)))
      sum = f64x2.add(sum, f64x2.mul(fourth, v128.load(x + 3 * width + j)))
      v128.store(out + j, sum)
    }
    x += 4 * width
  }
}

export function weightedGram(
  rows: usize, weights: usize, count: i32, cols: i32, out: usize,
): void {
  const width = <usize>cols << 3
  let x = rows
  for (let i = 0; i < count; i += 4) {
    const w = weights + (<usize>i << 3)
    const y = x + width, z = y + width, u = z + width
    const w0 = load<f64>(w), w1 = load<f64>(w, 8), w2 = load<f64>(w, 16), w3 = load<f64>(w, 24)
    for (let a: usize = 0; a < width; a += 8) {
      const first = two(w0 * load<f64>(x + a)), second = two(w1 * load<f64>(y + a))
      const third = two(w2 * load<f64>(z + a)), fourth = two(w3 * load<f64>(u + a))
      const line = out + <usize>cols * a
      for (let b: usize = a & ~15; b < width; b += 16) {
        let sum = v128.load(line + b)
        sum = f64x2.add(sum, f64x2.mul(first, v128.load(x + b)))
        sum = f64x2.add(sum, f64x2.mul(second, v128.load(y + b)))
        sum = f64x2.add(sum, f64x2.mul(third, v128.load(z + b)))
        sum = f64x2.add(sum, f64x2.mul(fourth, v128.load(u + b)))
        v128.store(line + b, sum)
      }
    }
    x += 4 * width
  }
}

// The ends of the rows are told by the parity of `cols`: a 1, or a 1 and a 0.
export function centreRows(
  rows: usize, count: i32, cols: i32, centre: usize, out: usize, squares: usize,
): void {
  const width = <usize>cols << 3
  const pairs = width & ~15
  let x = rows, o = out
  for (let i = 0; i < count; i++) {
    for (let j: usize = 0; j < pairs; j += 16) {
      const value = f64x2.sub(v128.load(x + j), v128.load(centre + j))
      v128.store(o + j, value)
      v128.store(squares + j, f64x2.add(v128.load(squares + j), f64x2.mul(value, value)))
    }
    if (pairs < width) {
      const value = load<f64>(x + pairs) - load<f64>(centre + pairs)
      store<f64>(o + pairs, value)
      store<f64>(squares + pairs, load<f64>(squares + pairs) + value * value)
    }
    store<f64>(o + width, 1)
    if (pairs == width) store<f64>(o + width, 0, 8)
    x += width
    o += pairs + 16
  }
}

export function exponentials(values: usize, count: i32): void {
  for (let t = 0; t < count; t += 4) {
    const place = values + (<usize>t << 3)
    exponentials4(v128.load(place), v128.load(place, 16), place, false)
  }
}

@inline function logistic2(
  e: v128, scores: usize, targets: usize, weights: usize, residuals: usize, curvatures: usize,
): v128 {
  const score = v128.load(scores), target = v128.load(targets), weight = v128.load(weights)
  const one = constant(4), none = constant(14)
  const sum = f64x2.add(one, e)
  const above = f64x2.ge(score, none)
  const probability = f64x2.div(v128.bitselect(one, e, above), sum)
  const other = f64x2.div(v128.bitselect(e, one, above), sum)
  v128.store(residuals, f64x2.mul(weight, f64x2.sub(probability, target)))
  v128.store(curvatures, f64x2.mul(weight, f64x2.mul(probability, other)))
  // log(1 + e) = ½ log 2 + 2 artanh z, whose series ends fast as z is between ±0.172.
  const root = constant(15)
  const z = f64x2.div(f64x2.sub(sum, root), f64x2.add(sum, root))
  const z2 = f64x2.mul(z, z)
  const z4 = f64x2.mul(z2, z2)
  let even = constant(24), odd = constant(25)
  for (let k: usize = 22; k > 16; k -= 2) {
    even = f64x2.add(constant(k), f64x2.mul(even, z4))
    odd = f64x2.add(constant(k + 1), f64x2.mul(odd, z4))
  }
  even = f64x2.add(one, f64x2.mul(even, z4))
  odd = f64x2.add(constant(17), f64x2.mul(odd, z4))
  const series = f64x2.add(even, f64x2.mul(odd, z2))
  const logarithm = f64x2.add(constant(16), f64x2.mul(f64x2.add(z, z), series))
  const linear = f64x2.sub(f64x2.pmax(score, none), f64x2.mul(target, score))
  return f64x2.mul(weight, f64x2.add(linear, logarithm))
}

export function logisticPass(
  scores: usize, targets: usize, weights: usize, count: i32, residuals: usize, curvatures: usize,
): f64 {
  let loss = two(0)
  for (let t = 0; t < count; t += 4) {
    const at = <usize>t << 3
    const first = v128.load(scores + at), second = v128.load(scores + at, 16)
    exponentials4(f64x2.neg(f64x2.abs(first)), f64x2.neg(f64x2.abs(second)), sums, false)
    for (let k: usize = 0; k < 32; k += 16) {
      const row = at + k
      loss = f64x2.add(loss, logistic2(
        v128.load(sums + k), scores + row, targets + row, weights + row, residuals + row,
        curvatures + row,
      ))
    }
  }
  return f64x2.extract_lane(loss, 0) + f64x2.extract_lane(loss, 1)
}
