import { ModelError } from '../errors.ts'
import { pairCount } from './one-vs-one.ts'
import { pairwiseModel, type Machine, type PairwiseModel } from './pairwise-machine.ts'
import {
  float64Tensor,
  int32Tensor,
  readClasses,
  readFloat64,
  readInt32,
  refuseOtherTensors,
  type LoadedTensors,
  type Tensors,
} from '../tensors.ts'

const greatestCount = 2 ** 31 - 1

export function pairwiseToTensors(model: PairwiseModel): Tensors {
  const { classes, supportCounts, machine, featureCount } = model
  const pairs = machine.intercepts.length
  const common: Tensors = {
    classes: float64Tensor(classes, classes.length),
    intercepts: float64Tensor(machine.intercepts, pairs),
    supportCounts: int32Tensor(supportCounts, classes.length),
  }
  if (model.sigmoids) {
    const { slopes, offsets } = model.sigmoids
    Object.assign(common, {
      sigmoidSlopes: float64Tensor(slopes, pairs),
      sigmoidOffsets: float64Tensor(offsets, pairs),
    })
  }
  if (machine.kind === 'linear') {
    return { ...common, weights: float64Tensor(machine.weights, pairs, featureCount) }
  }
  const vectors = machine.supportVectors.length / featureCount
  return {
    ...common,
    gamma: float64Tensor(Float64Array.of(machine.gamma)),
    supportVectors: float64Tensor(machine.supportVectors, vectors, featureCount),
    coefficients: float64Tensor(machine.coefficients, classes.length - 1, vectors),
  }
}

/**
 * The model in `tensors`, all of whose sizes are checked against each other, with sigmoids if it has
 * probabilities; `others` are tensors that the caller reads. Throws ModelFileInvalid.
 */
export function pairwiseFromTensors(
  tensors: LoadedTensors,
  kind: Machine['kind'],
  { probability = false, others = [] }: { probability?: boolean; others?: readonly string[] } = {},
): PairwiseModel {
  const ofSigmoids = probability ? ['sigmoidSlopes', 'sigmoidOffsets'] : []
  const names = ['classes', 'intercepts', 'supportCounts', ...ofSigmoids, ...others]
  const own = kind === 'linear' ? ['weights'] : ['gamma', 'supportVectors', 'coefficients']
  refuseOtherTensors(tensors, [...names, ...own])
  const classes = readClasses(tensors)
  const pairs = pairCount(classes.length)
  const intercepts = readFloat64(tensors, 'intercepts', pairs).data
  const counts = { from: 0, to: greatestCount }
  const supportCounts = readInt32(tensors, 'supportCounts', counts, classes.length).data
  const sigmoids = probability
    ? {
        slopes: readFloat64(tensors, 'sigmoidSlopes', pairs).data,
        offsets: readFloat64(tensors, 'sigmoidOffsets', pairs).data,
      }
    : undefined
  if (kind === 'linear') {
    const weights = readFloat64(tensors, 'weights', pairs, undefined)
    const featureCount = weights.sizes[1]!
    const machine = { kind, weights: weights.data, intercepts }
    return pairwiseModel({ classes, featureCount, supportCounts, machine, sigmoids })
  }
  const vectors = supportCounts.reduce((sum, count) => sum + count, 0)
  const gamma = readFloat64(tensors, 'gamma').data[0]!
  if (gamma < 0) throw new ModelError('ModelFileInvalid', `gamma is ${gamma}, below 0`)
  const supports = readFloat64(tensors, 'supportVectors', vectors, undefined)
  const coefficients = readFloat64(tensors, 'coefficients', classes.length - 1, vectors).data
  const machine = { kind, gamma, supportVectors: supports.data, coefficients, intercepts }
  const featureCount = supports.sizes[1]!
  return pairwiseModel({ classes, featureCount, supportCounts, machine, sigmoids })
}
