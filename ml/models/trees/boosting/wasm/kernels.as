// The inner loops of histogram boosting. AssemblyScript; `ml/models/wasm/build.js` compiles it into
// `kernels.generated.ts`. Every function works on places in the one linear memory, given in bytes,
// and does the operations of its twin in `plain-kernel.ts` in the same order, so that both give the
// same bits. A histogram's entry is two doubles, which one instruction adds.

// A column's histogram has 256 entries.
const columnBytes: usize = 4096

@inline function add(histogram: usize, bin: u64, pair: v128): void {
  const entry = histogram + (<usize>(bin & 255) << 4)
  v128.store(entry, f64x2.add(v128.load(entry), pair))
}

// Adds rows[from .. to) of a group of 8 columns, whose bins are read at once.
export function sum8(bins: usize, gradients: usize, from: usize, to: usize, out: usize): void {
  for (; from < to; from += 4) {
    const row = <usize>load<u32>(from)
    const own = load<u64>(bins + (row << 3))
    const pair = v128.load(gradients + (row << 4))
    add(out, own, pair)
    add(out + columnBytes, own >> 8, pair)
    add(out + 2 * columnBytes, own >> 16, pair)
    add(out + 3 * columnBytes, own >> 24, pair)
    add(out + 4 * columnBytes, own >> 32, pair)
    add(out + 5 * columnBytes, own >> 40, pair)
    add(out + 6 * columnBytes, own >> 48, pair)
    add(out + 7 * columnBytes, own >> 56, pair)
  }
}

export function sum4(bins: usize, gradients: usize, from: usize, to: usize, out: usize): void {
  for (; from < to; from += 4) {
    const row = <usize>load<u32>(from)
    const own = <u64>load<u32>(bins + (row << 2))
    const pair = v128.load(gradients + (row << 4))
    add(out, own, pair)
    add(out + columnBytes, own >> 8, pair)
    add(out + 2 * columnBytes, own >> 16, pair)
    add(out + 3 * columnBytes, own >> 24, pair)
  }
}

export function sum2(bins: usize, gradients: usize, from: usize, to: usize, out: usize): void {
  for (; from < to; from += 4) {
    const row = <usize>load<u32>(from)
    const own = <u64>load<u16>(bins + (row << 1))
    const pair = v128.load(gradients + (row << 4))
    add(out, own, pair)
    add(out + columnBytes, own >> 8, pair)
  }
}

export function sum1(bins: usize, gradients: usize, from: usize, to: usize, out: usize): void {
  for (; from < to; from += 4) {
    const row = <usize>load<u32>(from)
    add(out, <u64>load<u8>(bins + row), v128.load(gradients + (row << 4)))
  }
}

// Takes the doubles at `other` away from those at `at`.
export function subtract(at: usize, other: usize, bytes: usize): void {
  for (let k: usize = 0; k < bytes; k += 16) {
    v128.store(at + k, f64x2.sub(v128.load(at + k), v128.load(other + k)))
  }
}

// Adds up the entries of `bins` bins, `step` bytes apart, and tries to part the node after each.
// Answers which is the best, or -1 where none gains more than `best`; its gain and sums go to `out`.
export function scan(
  histogram: usize, step: i32, bins: i32, gradient: f64, rows: f64, curvature: f64,
  base: f64, unit: f64, minSamplesLeaf: f64, l2: f64, leastCurvature: f64,
  own: f64, best: f64, out: usize,
): i32 {
  let found: i32 = -1
  let gradientSum: f64 = 0
  let encodedSum: f64 = 0
  const inverse = base === 0 ? 0 : 1 / base
  for (let k: i32 = 0; k < bins; k++, histogram += step) {
    const encoded = load<f64>(histogram, 8)
    if (encoded === 0) continue
    gradientSum += load<f64>(histogram)
    encodedSum += encoded
    let rowsSum = encodedSum
    let curvatureSum = encodedSum
    if (base !== 0) {
      const units = Math.floor(encodedSum * inverse)
      rowsSum = encodedSum - units * base
      curvatureSum = units * unit
    }
    const curvatureRest = curvature - curvatureSum
    if (rowsSum < minSamplesLeaf || curvatureSum < leastCurvature) continue
    if (rows - rowsSum < minSamplesLeaf || curvatureRest < leastCurvature) break
    const gradientRest = gradient - gradientSum
    const weightSum = curvatureSum + l2
    const weightRest = curvatureRest + l2
    const gain =
      (gradientSum * gradientSum * weightRest + gradientRest * gradientRest * weightSum) /
        (weightSum * weightRest) -
      own
    if (gain > best) {
      best = gain
      found = k
      store<f64>(out, gain)
      store<f64>(out, gradientSum, 8)
      store<f64>(out, encodedSum, 16)
    }
  }
  return found
}

// Parts rows[from .. to) by the bins, `step` bytes a row, and the 256 flags at `goesLeft`, each side
// in the order in which it was. Answers how many went left.
export function part(
  bins: usize, step: usize, goesLeft: usize, from: usize, to: usize, spare: usize,
): i32 {
  const first = from
  let left = from
  let right = spare
  for (; from < to; from += 4) {
    const row = load<u32>(from)
    const isLeft = <usize>load<u8>(goesLeft + <usize>load<u8>(bins + <usize>row * step))
    store<u32>(left, row)
    store<u32>(right, row)
    left += isLeft << 2
    right += (1 - isLeft) << 2
  }
  memory.copy(left, spare, right - spare)
  return <i32>((left - first) >> 2)
}
