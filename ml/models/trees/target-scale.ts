/** Targets that differ by less have squares that lose digits, or vanish. */
const leastSpread = 1e-100

export interface ScaledTargets {
  readonly targets: Float64Array
  /** A power of two: the targets are those given times this. */
  readonly scale: number
}

/** The targets, taken to differ by about 1 where they differ by so little that squares would vanish. */
export function scaleTargets(targets: Float64Array): ScaledTargets {
  let [least, greatest] = [Infinity, -Infinity]
  for (const target of targets) {
    least = Math.min(least, target)
    greatest = Math.max(greatest, target)
  }
  const spread = greatest - least
  if (spread === 0 || spread >= leastSpread) return { targets, scale: 1 }
  const scale = 2 ** Math.min(1000, -Math.floor(Math.log2(spread)))
  return { targets: targets.map((target) => target * scale), scale }
}

/** Takes what was learned from scaled targets back to the units of those that were given. */
export function unscale(values: Float64Array, { scale }: ScaledTargets): void {
  if (scale === 1) return
  for (let k = 0; k < values.length; k++) values[k] = values[k]! / scale
}
