import type { Matrix } from '../../data/matrix.ts'
import type { Random } from '../../data/random.ts'
import type { Lloyd } from './lloyd.ts'

/**
 * k rows as first centroids, each drawn with a probability in proportion to its squared distance
 * from those before it (Arthur and Vassilvitskii, "k-means++", 2007), the best of 2 + ⌊ln k⌋ draws,
 * as scikit-learn does.
 *
 * @param onClaim called before each
 * @returns k × d, row-major, in terms of the rows of `lloyd`
 */
export function plusPlus(
  lloyd: Lloyd,
  k: number,
  random: Random,
  onClaim: () => void,
): Float64Array {
  const { data, rows, cols } = lloyd.rows
  const centroids = new Float64Array(k * cols)
  const draws = 2 + Math.floor(Math.log(k))
  const squares = lloyd.startClaims()
  let row = Math.floor(random() * rows)
  for (let c = 0; ; c++) {
    centroids.set(data.subarray(row * cols, (row + 1) * cols), c * cols)
    if (c === k - 1) return centroids
    onClaim()
    const potential = lloyd.claim(row)
    const candidates = drawRows(squares, potential, draws, random)
    const after = lloyd.potentials(candidates)
    row = candidates[after.indexOf(Math.min(...after))]!
  }
}

/** k different rows, all as likely. */
export function randomRows(X: Matrix, k: number, random: Random): Float64Array {
  const chosen = new Set<number>()
  // Floyd's sampling: each draw is new, or stands for the last row that could be drawn.
  for (let last = X.rows - k; last < X.rows; last++) {
    const row = Math.floor(random() * (last + 1))
    chosen.add(chosen.has(row) ? last : row)
  }
  const centroids = new Float64Array(k * X.cols)
  let c = 0
  for (const row of chosen) {
    centroids.set(X.data.subarray(row * X.cols, (row + 1) * X.cols), c++ * X.cols)
  }
  return centroids
}

/** Rows drawn by their share of the potential, by one walk through the rows. */
function drawRows(
  squares: Float64Array,
  potential: number,
  draws: number,
  random: Random,
): Int32Array {
  const marks = Float64Array.from({ length: draws }, () => random() * potential).sort()
  const rows = new Int32Array(draws).fill(squares.length - 1)
  let passed = 0
  let draw = 0
  for (let i = 0; i < squares.length && draw < draws; i++) {
    passed += squares[i]!
    while (draw < draws && marks[draw]! < passed) rows[draw++] = i
  }
  return rows
}
