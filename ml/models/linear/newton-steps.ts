/** A convex function of `size` parameters, twice differentiable. */
export interface ConvexFunction {
  readonly size: number
  value(at: Float64Array): number
  /** Writes the gradient at the point that `value` was last asked for. */
  gradient(out: Float64Array): void
  /** Writes the Hessian, at the point that `value` was last asked for, times `direction`. */
  hessianTimes(direction: Float64Array, out: Float64Array): void
  /** Writes that Hessian itself, size × size, of which the upper triangle counts. */
  hessian(out: Float64Array): void
  /** The parameters come in blocks of this size, within which most of the curvature is. */
  readonly blockSize: number
  /** Writes the Hessian's part of one block alone, likewise. */
  hessianBlock(block: number, out: Float64Array): void
}

/** Solutions p of Hessian · p = -gradient, more or less. */
export interface NewtonSteps {
  /** The step to take from the point that `value` was last asked for; overwritten by the next one. */
  find(slope: Slope, onProduct: () => void): Float64Array
  /** Tells by how much a step that was taken moved the point and the gradient. */
  learn(moved: Float64Array, gradientChange: Float64Array): void
  /** After a step that led nowhere: whether another from the same point can be a better one. */
  canImprove(): boolean
}

export interface Slope {
  readonly gradient: Float64Array
  /** How much of the gradient before the last step is left; undefined at the first. */
  readonly left: number | undefined
  /** What may be left of a gradient at the end. */
  readonly tolerance: number
}
