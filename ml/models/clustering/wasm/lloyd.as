// Lloyd's k-means with Hamerly's bounds, two doubles at a time.
//
// AssemblyScript; `build.js` compiles it into `lloyd.generated.ts`. Every function works on places in
// the one linear memory, given in bytes, and is the twin of the function of its name in
// `lloyd-plain.ts`: the same operations on each number in the same order, so that both give the same
// bits. What the functions do is told in `lloyd-arithmetic.ts`.
//
// Two centroids stand side by side in a register, so that no sum crosses lanes.

const slack: f64 = 1e-12

let least: f64 = 0
let next: f64 = 0

// The number of the centroid nearest to a row; the two smallest squares are left in `least`, `next`.
function nearest(row: usize, cols: i32, pairs: i32, transposed: usize): i32 {
  const stride = <usize>pairs << 4
  const end = row + (<usize>cols << 3)
  let best = f64x2.splat(Infinity)
  let second = f64x2.splat(Infinity)
  let index = f64x2.splat(0)
  let number: v128 = f64x2(0, 1)
  const step = f64x2.splat(2)
  let closer: v128
  let p = 0
  for (; p + 4 <= pairs; p += 4) {
    let a = f64x2.splat(0), b = f64x2.splat(0), c = f64x2.splat(0), d = f64x2.splat(0)
    let at = transposed + (<usize>p << 4)
    for (let place = row; place < end; place += 8) {
      const x = v128.load64_splat(place)
      const s = f64x2.sub(x, v128.load(at)), t = f64x2.sub(x, v128.load(at, 16))
      const u = f64x2.sub(x, v128.load(at, 32)), v = f64x2.sub(x, v128.load(at, 48))
      a = f64x2.add(a, f64x2.mul(s, s))
      b = f64x2.add(b, f64x2.mul(t, t))
      c = f64x2.add(c, f64x2.mul(u, u))
      d = f64x2.add(d, f64x2.mul(v, v))
      at += stride
    }
    closer = f64x2.lt(a, best)
    second = f64x2.pmin(second, f64x2.pmax(best, a))
    best = f64x2.pmin(best, a)
    index = v128.bitselect(number, index, closer)
    number = f64x2.add(number, step)
    closer = f64x2.lt(b, best)
    second = f64x2.pmin(second, f64x2.pmax(best, b))
    best = f64x2.pmin(best, b)
    index = v128.bitselect(number, index, closer)
    number = f64x2.add(number, step)
    closer = f64x2.lt(c, best)
    second = f64x2.pmin(second, f64x2.pmax(best, c))
    best = f64x2.pmin(best, c)
    index = v128.bitselect(number, index, closer)
    number = f64x2.add(number, step)
    closer = f64x2.lt(d, best)
    second = f64x2.pmin(second, f64x2.pmax(best, d))
    best = f64x2.pmin(best, d)
    index = v128.bitselect(number, index, closer)
    number = f64x2.add(number, step)
  }
  for (; p < pairs; p++) {
    let a = f64x2.splat(0)
    let at = transposed + (<usize>p << 4)
    for (let place = row; place < end; place += 8) {
      const s = f64x2.sub(v128.load64_splat(place), v128.load(at))
      a = f64x2.add(a, f64x2.mul(s, s))
      at += stride
    }
    closer = f64x2.lt(a, best)
    second = f64x2.pmin(second, f64x2.pmax(best, a))
    best = f64x2.pmin(best, a)
    index = v128.bitselect(number, index, closer)
    number = f64x2.add(number, step)
  }
  // Both lanes are led together without a branch: which of them wins is anyone's guess.
  const other = v128.shuffle<f64>(best, best, 1, 0)
  const otherIndex = v128.shuffle<f64>(index, index, 1, 0)
  const first = v128.and(f64x2.eq(other, best), f64x2.lt(otherIndex, index))
  const winner = v128.bitselect(otherIndex, index, v128.or(f64x2.lt(other, best), first))
  const rest = f64x2.pmin(second, v128.shuffle<f64>(second, second, 1, 0))
  least = f64x2.extract_lane(f64x2.pmin(best, other), 0)
  next = f64x2.extract_lane(f64x2.pmin(rest, f64x2.pmax(best, other)), 0)
  return <i32>f64x2.extract_lane(winner, 0)
}

@inline function squareOf(row: usize, cols: i32, centroid: usize): f64 {
  let square: f64 = 0
  for (let j: usize = 0, end = <usize>cols << 3; j < end; j += 8) {
    const difference = load<f64>(row + j) - load<f64>(centroid + j)
    square += difference * difference
  }
  return square
}

// Adds a row to sums, or takes it away.
@inline function addRow(row: usize, cols: i32, sums: usize): void {
  let j: usize = 0
  const end = <usize>cols << 3
  for (; j + 16 <= end; j += 16) {
    v128.store(sums + j, f64x2.add(v128.load(sums + j), v128.load(row + j)))
  }
  if (j < end) store<f64>(sums + j, load<f64>(sums + j) + load<f64>(row + j))
}

@inline function takeRow(row: usize, cols: i32, sums: usize): void {
  let j: usize = 0
  const end = <usize>cols << 3
  for (; j + 16 <= end; j += 16) {
    v128.store(sums + j, f64x2.sub(v128.load(sums + j), v128.load(row + j)))
  }
  if (j < end) store<f64>(sums + j, load<f64>(sums + j) - load<f64>(row + j))
}

@inline function count(counts: usize, label: i32, change: f64): void {
  const place = counts + (<usize>label << 3)
  store<f64>(place, load<f64>(place) + change)
}

export function shift(rows: usize, n: i32, cols: i32, origin: usize, sums: usize, squares: usize): void {
  const size = <usize>cols << 3
  for (let i = 0; i < n; i++, rows += size) {
    let j: usize = 0
    for (; j + 16 <= size; j += 16) {
      const moved = f64x2.sub(v128.load(rows + j), v128.load(origin + j))
      v128.store(rows + j, moved)
      v128.store(sums + j, f64x2.add(v128.load(sums + j), moved))
      v128.store(squares + j, f64x2.add(v128.load(squares + j), f64x2.mul(moved, moved)))
    }
    if (j < size) {
      const moved = load<f64>(rows + j) - load<f64>(origin + j)
      store<f64>(rows + j, moved)
      store<f64>(sums + j, load<f64>(sums + j) + moved)
      store<f64>(squares + j, load<f64>(squares + j) + moved * moved)
    }
  }
}

// What the moves of centroids must add up to before another centroid than the nearest can be nearest.
@inline function lead(): f64 {
  const other = sqrt(next)
  return other - sqrt(least) - slack * other
}

export function assign(
  rows: usize, n: i32, cols: i32, transposed: usize, pairs: i32,
  labels: usize, leads: usize, sums: usize, counts: usize,
): void {
  const size = <usize>cols << 3
  for (let i = 0; i < n; i++, rows += size) {
    const label = nearest(rows, cols, pairs, transposed)
    store<i32>(labels + (<usize>i << 2), label)
    store<f64>(leads + (<usize>i << 3), lead())
    count(counts, label, 1)
    addRow(rows, cols, sums + <usize>label * size)
  }
}

export function reassign(
  rows: usize, n: i32, cols: i32, transposed: usize, pairs: i32,
  labels: usize, leads: usize, sums: usize, counts: usize, moved: usize,
): i32 {
  const size = <usize>cols << 3
  let changed = 0
  for (let i = 0; i < n; i++) {
    const labelPlace = labels + (<usize>i << 2), leadPlace = leads + (<usize>i << 3)
    const label = load<i32>(labelPlace)
    if (load<f64>(leadPlace) > load<f64>(moved + (<usize>label << 3)) * (1 + slack)) continue
    const row = rows + <usize>i * size
    const found = nearest(row, cols, pairs, transposed)
    store<f64>(leadPlace, lead() + load<f64>(moved + (<usize>found << 3)))
    if (found == label) continue
    changed++
    store<i32>(labelPlace, found)
    count(counts, label, -1)
    count(counts, found, 1)
    takeRow(row, cols, sums + <usize>label * size)
    addRow(row, cols, sums + <usize>found * size)
  }
  return changed
}

export function inertia(rows: usize, n: i32, cols: i32, centroids: usize, labels: usize): f64 {
  const size = <usize>cols << 3
  let sum: f64 = 0
  for (let i = 0; i < n; i++, rows += size) {
    const label = load<i32>(labels + (<usize>i << 2))
    sum += squareOf(rows, cols, centroids + <usize>label * size)
  }
  return sum
}

export function potentials(
  rows: usize, n: i32, cols: i32, transposed: usize, pairs: i32, squares: usize, sums: usize,
): void {
  const size = <usize>cols << 3
  const stride = <usize>pairs << 4
  for (let i = 0; i < n; i++, rows += size, squares += 8) {
    const before = v128.load64_splat(squares)
    for (let pair: usize = 0; pair < stride; pair += 16) {
      let square = f64x2.splat(0)
      let at = transposed + pair
      for (let j: usize = 0; j < size; j += 8, at += stride) {
        const difference = f64x2.sub(v128.load64_splat(rows + j), v128.load(at))
        square = f64x2.add(square, f64x2.mul(difference, difference))
      }
      v128.store(sums + pair, f64x2.add(v128.load(sums + pair), f64x2.pmin(before, square)))
    }
  }
}

export function claim(rows: usize, n: i32, cols: i32, centroid: usize, squares: usize): f64 {
  const size = <usize>cols << 3
  let sum: f64 = 0
  for (let i = 0; i < n; i++, rows += size, squares += 8) {
    const before = load<f64>(squares)
    const square = squareOf(rows, cols, centroid)
    const least = square < before ? square : before
    store<f64>(squares, least)
    sum += least
  }
  return sum
}
