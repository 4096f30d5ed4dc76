// The inner loops of random cuts, two doubles at a time.
//
// AssemblyScript; `ml/models/wasm/build.js` compiles it into `cuts.generated.ts`. Every function works
// on places in the one linear memory, given in bytes, and is the twin of the function of its name in
// `cuts-plain.ts`: the same operations on each number in the same order, so that both give the same
// bits. What the functions do is told in `cut-arithmetic.ts`.

export function range(values: usize, count: i32, out: usize): void {
  let least = f64x2.splat(Infinity), greatest = f64x2.splat(-Infinity)
  const end = values + (<usize>count << 3)
  for (; values + 16 <= end; values += 16) {
    const pair = v128.load(values)
    least = f64x2.pmin(least, pair)
    greatest = f64x2.pmax(greatest, pair)
  }
  if (values < end) {
    const last = v128.load64_splat(values)
    least = f64x2.pmin(least, last)
    greatest = f64x2.pmax(greatest, last)
  }
  least = f64x2.pmin(least, v128.shuffle<f64>(least, least, 1, 0))
  greatest = f64x2.pmax(greatest, v128.shuffle<f64>(greatest, greatest, 1, 0))
  v128.store(out, v128.shuffle<f64>(least, greatest, 0, 2))
}

export function cutClasses(
  values: usize, ends: usize, classes: i32, threshold: f64, weights: usize, left: usize,
): i32 {
  const bound = f64x2.splat(threshold)
  const first = values
  let rows: i64 = 0
  for (let c = 0; c < classes; c++, left += 8) {
    const end = first + (<usize>load<i32>(ends + (<usize>c << 2)) << 3)
    let count = i64x2.splat(0)
    let weight = f64x2.splat(0)
    for (; values + 16 <= end; values += 16, weights += 16) {
      const isLeft = f64x2.le(v128.load(values), bound)
      count = i64x2.sub(count, isLeft)
      weight = f64x2.add(weight, v128.and(isLeft, v128.load(weights)))
    }
    let own = f64x2.extract_lane(weight, 0) + f64x2.extract_lane(weight, 1)
    rows += i64x2.extract_lane(count, 0) + i64x2.extract_lane(count, 1)
    if (values < end) {
      const isLeft = f64x2.le(v128.load64_zero(values), bound)
      rows -= i64x2.extract_lane(isLeft, 0)
      own += f64x2.extract_lane(v128.and(isLeft, v128.load64_zero(weights)), 0)
      values += 8
      weights += 8
    }
    store<f64>(left, own)
  }
  return <i32>rows
}

export function cutSums(
  values: usize, count: i32, threshold: f64, weights: usize, sums: usize, left: usize,
): i32 {
  const bound = f64x2.splat(threshold)
  const end = values + (<usize>count << 3)
  let rows = i64x2.splat(0)
  let weight = f64x2.splat(0)
  let sum = f64x2.splat(0)
  for (; values + 16 <= end; values += 16, weights += 16, sums += 16) {
    const isLeft = f64x2.le(v128.load(values), bound)
    rows = i64x2.sub(rows, isLeft)
    weight = f64x2.add(weight, v128.and(isLeft, v128.load(weights)))
    sum = f64x2.add(sum, v128.and(isLeft, v128.load(sums)))
  }
  if (values < end) {
    const isLeft = v128.and(f64x2.le(v128.load64_zero(values), bound), i64x2(-1, 0))
    rows = i64x2.sub(rows, isLeft)
    weight = f64x2.add(weight, v128.and(isLeft, v128.load64_zero(weights)))
    sum = f64x2.add(sum, v128.and(isLeft, v128.load64_zero(sums)))
  }
  store<f64>(left, f64x2.extract_lane(weight, 0) + f64x2.extract_lane(weight, 1))
  store<f64>(left + 8, f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1))
  return <i32>(i64x2.extract_lane(rows, 0) + i64x2.extract_lane(rows, 1))
}
