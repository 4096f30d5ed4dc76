export interface Curve {
  readonly x: readonly number[]
  readonly y: readonly number[]
}

/** The part of the frame that a point must be away from the last one to be kept. */
const step = 1 / 100

/**
 * A curve in the square from 0 to 1 by at most some hundred points: the first, the last, and each that
 * is far enough from the one kept before. A curve that only rises or falls keeps its area to about a
 * step's part.
 */
export function thinnedCurve(x: ArrayLike<number>, y: ArrayLike<number>): Curve {
  const kept: { x: number[]; y: number[] } = { x: [], y: [] }
  for (let i = 0; i < x.length; i++) {
    const [a, b] = [x[i]!, y[i]!]
    const isEnd = i === 0 || i === x.length - 1
    const away = Math.max(Math.abs(a - (kept.x.at(-1) ?? 0)), Math.abs(b - (kept.y.at(-1) ?? 0)))
    if (!isEnd && away < step) continue
    kept.x.push(Number(a.toFixed(4)))
    kept.y.push(Number(b.toFixed(4)))
  }
  return kept
}
