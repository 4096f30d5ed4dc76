import { rowOf, type Matrix } from '../../../data/matrix.ts'
import { ProbabilisticClassifier, type FitOptions, type Learned } from '../../classifier.ts'
import { ModelError } from '../../errors.ts'
import { RowRegressor, type LearnedQuantity } from '../../regressor.ts'
import { float64Tensor, readClasses, readFloat64, refuseOtherTensors } from '../../tensors.ts'
import type { LoadedTensors, Tensors } from '../../tensors.ts'
import { scaleTargets, unscale } from '../target-scale.ts'
import { findLeaf, treesFromTensors, treesToTensors, treeTensors } from '../tree-nodes.ts'
import type { TreeNodes } from '../tree-nodes.ts'
import { walkTrees, type Walk } from '../tree-walk.ts'
import { ClassCriterion } from './class-criterion.ts'
import { SquaredError } from './criterion.ts'
import { growForest, type ForestPlan } from './grow.ts'
import type { ClassCriterionName } from './options.ts'

export interface QuantityTrees extends LearnedQuantity {
  readonly nodes: TreeNodes
  readonly importances: Float64Array
}

export interface ClassTrees extends Learned {
  readonly nodes: TreeNodes
  readonly importances: Float64Array
  /** Room for one row's probabilities. */
  readonly scratch: Float64Array
}

/** Regressors that answer the mean of their trees. */
export abstract class TreesRegressor extends RowRegressor<QuantityTrees> {
  /** By feature, its share of what all splits took off the impurity; 0 everywhere without a split. */
  get featureImportances(): Float64Array {
    return this.model.importances.slice()
  }

  toTensors(): Tensors {
    const { nodes, importances } = this.model
    const shares = float64Tensor(importances, importances.length)
    return { ...treesToTensors(nodes), importances: shares }
  }

  protected abstract plan(rows: number, cols: number): ForestPlan

  protected learn(X: Matrix, y: Float64Array, fitOptions: FitOptions): QuantityTrees {
    const scaled = scaleTargets(y)
    const plan = this.plan(X.rows, X.cols)
    const minImpurityDecrease = plan.minImpurityDecrease * scaled.scale ** 2
    const criterion = new SquaredError(scaled.targets)
    const forest = growForest(X, criterion, { ...plan, minImpurityDecrease }, fitOptions)
    unscale(forest.nodes.values, scaled)
    return { featureCount: X.cols, ...forest }
  }

  protected estimate({ nodes }: QuantityTrees, row: Float64Array): number {
    const { roots, values } = nodes
    let sum = 0
    for (let t = 0; t + 1 < roots.length; t++) sum += values[findLeaf(nodes, roots[t]!, row, 0)]!
    return sum / (roots.length - 1)
  }

  /** The sums are those of `estimate`, in the same order. */
  protected override estimateAll({ nodes }: QuantityTrees, X: Matrix, out: Float64Array): void {
    const { roots, values } = nodes
    walkTrees(walkOf(nodes), X, (_, from, leaves) => {
      for (let i = 0; i < leaves.length; i++) out[from + i]! += values[leaves[i]!]!
    })
    for (let i = 0; i < X.rows; i++) out[i] = out[i]! / (roots.length - 1)
  }

  protected restoreTrees(tensors: LoadedTensors): this {
    refuseOtherTensors(tensors, [...treeTensors, 'importances'])
    const importances = readImportances(tensors)
    const nodes = treesFromTensors(tensors, 1, importances.length)
    return this.restore({ featureCount: importances.length, importances, nodes })
  }
}

/** Classifiers whose probabilities are the mean of their trees' shares of classes. */
export abstract class TreesClassifier extends ProbabilisticClassifier<ClassTrees> {
  /** By feature, its share of what all splits took off the impurity; 0 everywhere without a split. */
  get featureImportances(): Float64Array {
    return this.model.importances.slice()
  }

  toTensors(): Tensors {
    const { classes, nodes, importances } = this.model
    return {
      classes: float64Tensor(classes, classes.length),
      ...treesToTensors(nodes),
      importances: float64Tensor(importances, importances.length),
    }
  }

  protected abstract plan(rows: number, cols: number): ForestPlan
  protected abstract get criterion(): ClassCriterionName

  protected learn(
    X: Matrix,
    labels: Int32Array,
    classes: Float64Array,
    fitOptions: FitOptions,
  ): ClassTrees {
    const criterion = new ClassCriterion(labels, classes.length, this.criterion)
    const forest = growForest(X, criterion, this.plan(X.rows, X.cols), fitOptions)
    return { classes, featureCount: X.cols, ...forest, scratch: new Float64Array(classes.length) }
  }

  protected classIndex(model: ClassTrees, row: Float64Array): number {
    const shares = model.scratch
    this.weigh(model, row, shares)
    return greatestOf(shares)
  }

  protected override classIndices(model: ClassTrees, X: Matrix, out: Float64Array): void {
    const shares = this.#sharesOf(model, X)
    for (let i = 0; i < X.rows; i++) out[i] = greatestOf(rowOf(shares, i))
  }

  protected decisionColumns({ classes }: ClassTrees): number {
    return classes.length === 2 ? 1 : classes.length
  }

  protected decide(model: ClassTrees, row: Float64Array, out: Float64Array): void {
    if (out.length > 1) {
      this.weigh(model, row, out)
      return
    }
    this.weigh(model, row, model.scratch)
    out[0] = model.scratch[1]! - model.scratch[0]!
  }

  protected override decideAll(model: ClassTrees, X: Matrix, out: Matrix): void {
    if (out.cols > 1) {
      this.weighAll(model, X, out)
      return
    }
    const { data } = this.#sharesOf(model, X)
    for (let i = 0; i < X.rows; i++) out.data[i] = data[2 * i + 1]! - data[2 * i]!
  }

  protected weigh({ nodes }: ClassTrees, row: Float64Array, out: Float64Array): void {
    const { roots, values } = nodes
    const classes = out.length
    out.fill(0)
    for (let t = 0; t + 1 < roots.length; t++) {
      const at = findLeaf(nodes, roots[t]!, row, 0) * classes
      for (let c = 0; c < classes; c++) out[c]! += values[at + c]!
    }
    for (let c = 0; c < classes; c++) out[c] = out[c]! / (roots.length - 1)
  }

  /** The sums are those of `weigh`, in the same order. */
  protected override weighAll({ nodes }: ClassTrees, X: Matrix, out: Matrix): void {
    const { roots, values } = nodes
    const { data: shares, cols: classes } = out
    walkTrees(walkOf(nodes), X, (_, from, leaves) => {
      for (let i = 0, to = from * classes; i < leaves.length; i++) {
        for (let c = 0, at = leaves[i]! * classes; c < classes; c++, at++, to++) {
          shares[to]! += values[at]!
        }
      }
    })
    for (let k = 0; k < shares.length; k++) shares[k] = shares[k]! / (roots.length - 1)
  }

  #sharesOf(model: ClassTrees, X: Matrix): Matrix {
    const cols = model.classes.length
    const shares = { data: new Float64Array(X.rows * cols), rows: X.rows, cols }
    this.weighAll(model, X, shares)
    return shares
  }

  protected restoreTrees(tensors: LoadedTensors): this {
    refuseOtherTensors(tensors, ['classes', ...treeTensors, 'importances'])
    const classes = readClasses(tensors)
    const importances = readImportances(tensors)
    const nodes = treesFromTensors(tensors, classes.length, importances.length)
    checkShares(nodes)
    const scratch = new Float64Array(classes.length)
    return this.restore({ classes, featureCount: importances.length, importances, nodes, scratch })
  }
}

function walkOf(nodes: TreeNodes): Walk {
  return { nodes, findLeaf: (root, data, at) => findLeaf(nodes, root, data, at) }
}

/** Where the greatest value is, the first of equals. */
function greatestOf(values: Float64Array): number {
  let winner = 0
  for (let c = 1; c < values.length; c++) if (values[c]! > values[winner]!) winner = c
  return winner
}

function readImportances(tensors: LoadedTensors): Float64Array {
  const importances = readFloat64(tensors, 'importances', undefined).data
  if (importances.some((share) => share < 0 || share > 1 + 1e-9)) {
    throw new ModelError('ModelFileInvalid', 'tensor importances holds a share outside of 0 to 1')
  }
  return importances
}

/** Throws unless every leaf's values are shares of classes. */
function checkShares({ values, outputs }: TreeNodes): void {
  for (let at = 0; at < values.length; at += outputs) {
    let sum = 0
    for (let c = 0; c < outputs; c++) sum += values[at + c]! >= 0 ? values[at + c]! : NaN
    if (!(Math.abs(sum - 1) < 1e-9)) {
      throw new ModelError('ModelFileInvalid', `leaf ${at / outputs} has no shares of classes`)
    }
  }
}
