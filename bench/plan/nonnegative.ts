/**
 * Rates, none negative, whose weighed sum is nearest to what was measured: in the logarithm, so that a
 * measure of a millisecond counts as much as one of a minute, and half is as far as double.
 *
 * @param rows what each measure weighs each rate with
 * @param measured positive
 */
export function fitRates(
  rows: readonly (readonly number[])[],
  measured: readonly number[],
  fixed: readonly number[] = measured.map(() => 0),
): number[] {
  const width = rows[0]!.length
  const scales = Array.from({ length: width }, (_, j) =>
    Math.max(...rows.map((row) => row[j]!), Number.MIN_VALUE),
  )
  const scaled = rows.map((row) => row.map((value, j) => value / scales[j]!))
  let weights = measured.map((value) => 1 / value)
  let rates = new Array<number>(width).fill(0)
  for (let round = 0; round < 60; round++) {
    rates = nonnegativeLeastSquares(
      scaled.map((row, i) => row.map((value) => value * weights[i]!)),
      measured.map((value, i) => (value - fixed[i]!) * weights[i]!),
    )
    // The first order of the logarithm of a ratio is the difference by the geometric mean.
    weights = measured.map((value, i) => {
      const predicted = fixed[i]! + dot(scaled[i]!, rates)
      return 1 / Math.sqrt(value * Math.max(predicted, value / 20))
    })
  }
  return rates.map((rate, j) => rate / scales[j]!)
}

/** Coordinate by coordinate: there are few. */
function nonnegativeLeastSquares(
  rows: readonly (readonly number[])[],
  targets: readonly number[],
): number[] {
  const width = rows[0]!.length
  const x = new Array<number>(width).fill(0)
  const left = [...targets]
  for (let pass = 0; pass < 4000; pass++) {
    for (let j = 0; j < width; j++) {
      let [square, along] = [0, 0]
      rows.forEach((row, i) => {
        square += row[j]! * row[j]!
        along += row[j]! * left[i]!
      })
      if (square === 0) continue
      const next = Math.max(0, x[j]! + along / square)
      const step = next - x[j]!
      x[j] = next
      rows.forEach((row, i) => {
        left[i]! -= step * row[j]!
      })
    }
  }
  return x
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, j) => sum + value * b[j]!, 0)
}
