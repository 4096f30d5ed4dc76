import type { Matrix } from '../../data/matrix.ts'
import { columnMeans } from '../column-statistics.ts'
import type { RowSource } from '../row-source.ts'
import { KernelMemory, KernelSource } from '../wasm/kernel-memory.ts'
import type { LloydArithmetic } from './wasm/lloyd-arithmetic.ts'
import { plainArithmetic } from './wasm/lloyd-plain.ts'
import { lloydModule } from './wasm/lloyd.generated.ts'

const kernels = new KernelSource<LloydArithmetic>(lloydModule, plainArithmetic)

/** Rows that are copied and shifted at once, while the processor's cache has them. */
const blockRows = 512

/** Where a run of Lloyd's algorithm ended. */
export interface LloydResult {
  /** k × d, row-major, less the origin. */
  readonly centroids: Float64Array
  /** The sum of squared distances of all rows to the nearest centroid. */
  readonly inertia: number
  readonly iterations: number
}

export interface LloydOptions {
  readonly maxIter: number
  /** The run ends when the squared moves of all centroids together are no more. */
  readonly tolerance: number
  readonly onIteration: (iterations: number) => void
}

/**
 * Lloyd's k-means with Hamerly's bounds: a row is compared with the centroids only when the moves of
 * its own and of the others, taken together, could have used up the lead of the nearest one over the
 * next ("Making k-means even faster", 2010; one bound in the place of two, and kept against the moves
 * so far, so that a row that is skipped is not written). The result is that of comparing always; most
 * rows of most iterations are skipped. A centroid that loses its last row moves to the row that is
 * farthest from its own.
 *
 * Holds one copy of the rows, less a row in their middle so that sums keep their digits, and 12 bytes
 * a row, used again by each run.
 */
export class Lloyd {
  /** The rows less `origin`. */
  readonly rows: Matrix
  /** A row in their middle: the mean of the first of them. */
  readonly origin: Float64Array
  /** The mean of the variances of the columns. */
  readonly variance: number
  readonly #k: number
  readonly #memory: KernelMemory<LloydArithmetic>
  readonly #arithmetic: LloydArithmetic
  readonly #places: Places
  readonly #labels: Int32Array
  readonly #centroids: Float64Array
  readonly #transposed: Float64Array
  /** Sums and counts of the rows of each cluster, kept in step with the labels. */
  readonly #sums: Float64Array
  readonly #counts: Float64Array
  /** How far each centroid moved last. */
  readonly #moves: Float64Array
  /** All moves so far of each centroid, together with the greatest of the others'. */
  readonly #moved: Float64Array

  constructor(source: RowSource, k: number, kind: 'wasm' | 'plain' = 'wasm') {
    const { rows: n, cols } = source
    const memory = new KernelMemory(kernels)
    const places = reservePlaces(memory, n, cols, k)
    this.#k = k
    this.#memory = memory
    this.#places = places
    this.#arithmetic = memory.open(kind)
    this.rows = { data: memory.doubles(places.rows, n * cols), rows: n, cols }
    this.#labels = memory.integers(places.labels, n)
    this.#centroids = memory.doubles(places.centroids, k * cols)
    this.#transposed = memory.doubles(places.transposed, 2 * places.pairs * cols)
    this.#sums = memory.doubles(places.sums, k * cols)
    this.#counts = memory.doubles(places.counts, k)
    this.#moves = new Float64Array(k)
    this.#moved = memory.doubles(places.moved, k)

    const first = Math.min(n, blockRows)
    source.writeRows(0, first, this.rows.data)
    const data = this.rows.data.subarray(0, first * cols)
    this.origin = columnMeans({ data, rows: first, cols })
    memory.doubles(places.origin, cols).set(this.origin)
    const sums = memory.doubles(places.columnSums, cols).fill(0)
    const squares = memory.doubles(places.squares, cols).fill(0)
    for (let from = 0; from < n; from += blockRows) {
      const to = Math.min(from + blockRows, n)
      source.writeRows(from, to, this.rows.data.subarray(from * cols, to * cols))
      const place = places.rows + from * cols * Float64Array.BYTES_PER_ELEMENT
      const { origin, columnSums, squares } = places
      this.#arithmetic.shift(place, to - from, cols, origin, columnSums, squares)
    }
    this.variance =
      Math.max(
        0,
        squares.reduce((sum, square, j) => sum + square / n - (sums[j]! / n) ** 2, 0),
      ) / cols
  }

  /** The squared distance of each row to the nearest of the rows claimed so far; else infinite. */
  startClaims(): Float64Array {
    return this.#memory.doubles(this.#places.leads, this.rows.rows).fill(Infinity)
  }

  /** Makes a row a centroid for `startClaims`; the sum of all squared distances then. */
  claim(row: number): number {
    const { rows, leads } = this.#places
    const { rows: n, cols } = this.rows
    const place = rows + row * cols * Float64Array.BYTES_PER_ELEMENT
    return this.#arithmetic.claim(rows, n, cols, place, leads)
  }

  /** What that sum would be with each of these rows; no more of them than centroids and one. */
  potentials(candidates: Int32Array): Float64Array {
    const { rows, transposed, leads, sums } = this.#places
    const { rows: n, cols, data } = this.rows
    const pairs = Math.ceil(candidates.length / 2)
    const points = new Float64Array(candidates.length * cols)
    candidates.forEach((row, c) => {
      points.set(data.subarray(row * cols, (row + 1) * cols), c * cols)
    })
    transpose(points, candidates.length, cols, this.#transposed.subarray(0, 2 * pairs * cols))
    const found = this.#memory.doubles(sums, 2 * pairs).fill(0)
    this.#arithmetic.potentials(rows, n, cols, transposed, pairs, leads, sums)
    return found.slice(0, candidates.length)
  }

  /** @param start k × d, row-major, less the origin */
  run(start: Float64Array, { maxIter, tolerance, onIteration }: LloydOptions): LloydResult {
    const { rows: n } = this.rows
    this.#centroids.set(start)
    this.#assign()
    let changed = n
    let iterations = 1
    for (; ; iterations++) {
      onIteration(iterations)
      const moved = this.#moveCentroids()
      if (changed === 0) break
      const isLast = moved <= tolerance || iterations === maxIter
      changed = this.#reassign()
      if (isLast) break
    }
    const { rows, centroids, labels } = this.#places
    const inertia = this.#arithmetic.inertia(rows, n, this.rows.cols, centroids, labels)
    return { centroids: this.#centroids.slice(), inertia, iterations }
  }

  /** Ends its use: `rows` and further runs are no more. */
  release(): void {
    this.#memory.release()
  }

  #assign(): void {
    const { rows, transposed, pairs, labels, leads, sums, counts } = this.#places
    const { rows: n, cols } = this.rows
    transpose(this.#centroids, this.#k, cols, this.#transposed)
    this.#sums.fill(0)
    this.#counts.fill(0)
    this.#moved.fill(0)
    this.#arithmetic.assign(rows, n, cols, transposed, pairs, labels, leads, sums, counts)
  }

  #reassign(): number {
    const { rows, transposed, pairs, labels, leads, sums, counts, moved } = this.#places
    const { rows: n, cols } = this.rows
    transpose(this.#centroids, this.#k, cols, this.#transposed)
    const { farthest, most, second } = greatestMoves(this.#moves)
    for (let c = 0; c < this.#k; c++) {
      this.#moved[c]! += this.#moves[c]! + (c === farthest ? second : most)
    }
    return this.#arithmetic.reassign(
      ...([rows, n, cols, transposed, pairs, labels, leads, sums, counts, moved] as const),
    )
  }

  /** Takes each centroid to the mean of its rows; the sum of the squared moves. */
  #moveCentroids(): number {
    const { cols } = this.rows
    const centroids = this.#centroids
    const { sums, counts } = this.#counts.includes(0)
      ? this.#withRowsForTheEmpty()
      : { sums: this.#sums, counts: this.#counts }
    let total = 0
    for (let c = 0; c < this.#k; c++) {
      let square = 0
      for (let j = 0, at = c * cols; counts[c]! > 0 && j < cols; j++, at++) {
        const moved = sums[at]! / counts[c]!
        square += (moved - centroids[at]!) ** 2
        centroids[at] = moved
      }
      this.#moves[c] = Math.sqrt(square)
      total += square
    }
    return total
  }

  /**
   * Sums and counts in which each empty cluster has taken one row, of those farthest from their
   * centroids the farthest first. Labels follow when the rows are compared next.
   */
  #withRowsForTheEmpty() {
    const { data, cols } = this.rows
    const sums = this.#sums.slice()
    const counts = this.#counts.slice()
    const empty = [...counts.keys()].filter((c) => counts[c] === 0)
    const taken = this.#farthestRows(empty.length)
    empty.forEach((to, e) => {
      const i = taken[e]!
      const from = this.#labels[i]!
      // With fewer distinct rows than clusters there is nothing to move to.
      if (this.#squareOf(i) === 0 || counts[from]! < 2) return
      counts[from]!--
      counts[to] = 1
      for (let j = 0; j < cols; j++) {
        sums[from * cols + j]! -= data[i * cols + j]!
        sums[to * cols + j] = data[i * cols + j]!
      }
    })
    return { sums, counts }
  }

  /** The `count` rows farthest from their centroids, the farthest first. */
  #farthestRows(count: number): number[] {
    const farthest: { i: number; square: number }[] = []
    for (let i = 0; i < this.rows.rows; i++) {
      const square = this.#squareOf(i)
      if (farthest.length === count && square <= farthest[count - 1]!.square) continue
      const place = farthest.findIndex((other) => other.square < square)
      farthest.splice(place < 0 ? farthest.length : place, 0, { i, square })
      farthest.length = Math.min(farthest.length, count)
    }
    return farthest.map(({ i }) => i)
  }

  #squareOf(i: number): number {
    const { data, cols } = this.rows
    const centroid = this.#labels[i]! * cols
    let square = 0
    for (let j = 0; j < cols; j++) {
      square += (data[i * cols + j]! - this.#centroids[centroid + j]!) ** 2
    }
    return square
  }
}

type Places = ReturnType<typeof reservePlaces>

function reservePlaces(memory: KernelMemory<LloydArithmetic>, n: number, cols: number, k: number) {
  const doubles = (count: number) => memory.reserve(count * Float64Array.BYTES_PER_ELEMENT)
  const pairs = Math.ceil(k / 2)
  return {
    pairs,
    rows: doubles(n * cols),
    labels: memory.reserve(n * Int32Array.BYTES_PER_ELEMENT),
    leads: doubles(n),
    centroids: doubles(k * cols),
    transposed: doubles(2 * pairs * cols),
    // Or the sums of as many candidates as stand transposed.
    sums: doubles(Math.max(k * cols, 2 * pairs)),
    counts: doubles(k),
    moved: doubles(k),
    origin: doubles(cols),
    columnSums: doubles(cols),
    squares: doubles(cols),
  }
}

/** Points (count × cols) with one column after the other, Infinity where `out` is wider. */
function transpose(points: Float64Array, count: number, cols: number, out: Float64Array): void {
  const width = out.length / cols
  out.fill(Infinity)
  for (let c = 0; c < count; c++) {
    for (let j = 0; j < cols; j++) out[j * width + c] = points[c * cols + j]!
  }
}

function greatestMoves(moves: Float64Array) {
  let farthest = 0
  let second = 0
  for (let c = 1; c < moves.length; c++) {
    if (moves[c]! > moves[farthest]!) {
      second = moves[farthest]!
      farthest = c
    } else if (moves[c]! > second) second = moves[c]!
  }
  return { farthest, most: moves[farthest]!, second }
}
