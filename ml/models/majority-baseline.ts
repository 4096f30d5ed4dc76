import type { Matrix } from '../data/matrix.ts'
import { ProbabilisticClassifier, type Learned } from './classifier.ts'
import { ModelError } from './errors.ts'
import { resolveOptions, type OptionTable, type Parameters } from './options.ts'
import {
  float64Tensor,
  int32Tensor,
  readClasses,
  readFloat64,
  readInt32,
  refuseOtherTensors,
  type LoadedTensors,
  type Tensors,
} from './tensors.ts'

interface MajorityModel extends Learned {
  /** The share of each class among the training rows. */
  readonly shares: Float64Array
  /** Index of the most frequent class. */
  readonly majority: number
}

export const majorityOptions = {} as const satisfies OptionTable

/**
 * Answers the most frequent class (of equals the smallest) for every row, and the shares of the
 * classes as probabilities: the floor that a model must beat to have learned anything.
 */
export class MajorityBaseline extends ProbabilisticClassifier<MajorityModel> {
  readonly algorithm = 'majority'
  readonly parameters: Parameters

  constructor(options: Record<string, never> = {}) {
    super()
    this.parameters = resolveOptions('MajorityBaseline', majorityOptions, options)
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): MajorityBaseline {
    const baseline = new MajorityBaseline(parameters as Record<string, never>)
    refuseOtherTensors(tensors, ['classes', 'shares', 'featureCount'])
    const classes = readClasses(tensors)
    const shares = readFloat64(tensors, 'shares', classes.length).data
    if (shares.some((share) => share <= 0 || share >= 1)) {
      throw new ModelError('ModelFileInvalid', 'tensor shares holds a share that is not in (0, 1)')
    }
    const features = { from: 1, to: 2 ** 31 - 1 }
    const featureCount = readInt32(tensors, 'featureCount', features).data[0]!
    return baseline.restore({ classes, featureCount, shares, majority: firstGreatest(shares) })
  }

  toTensors(): Tensors {
    const { classes, shares, featureCount } = this.model
    return {
      classes: float64Tensor(classes, classes.length),
      featureCount: int32Tensor(Int32Array.of(featureCount)),
      shares: float64Tensor(shares, classes.length),
    }
  }

  protected learn(X: Matrix, labels: Int32Array, classes: Float64Array): MajorityModel {
    const shares = new Float64Array(classes.length)
    for (const label of labels) shares[label]!++
    for (let c = 0; c < shares.length; c++) shares[c] = shares[c]! / X.rows
    return { classes, featureCount: X.cols, shares, majority: firstGreatest(shares) }
  }

  protected classIndex(model: MajorityModel): number {
    return model.majority
  }

  protected decisionColumns({ classes }: MajorityModel): number {
    return classes.length === 2 ? 1 : classes.length
  }

  protected decide({ shares }: MajorityModel, _row: Float64Array, out: Float64Array): void {
    if (shares.length === 2) out[0] = shares[1]! - shares[0]!
    else out.set(shares)
  }

  protected weigh({ shares }: MajorityModel, _row: Float64Array, out: Float64Array): void {
    out.set(shares)
  }
}

function firstGreatest(values: Float64Array): number {
  return values.indexOf(values.reduce((greatest, value) => Math.max(greatest, value)))
}
