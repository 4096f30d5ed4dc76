/** The part of the untyped package ml-svm 2.1 that the adapter, its test and the benchmark use. */
declare module 'ml-svm' {
  interface Options {
    C: number
    tol: number
    maxPasses: number
    maxIterations: number
    kernel: 'linear' | 'rbf'
    kernelOptions: { sigma: number }
    alphaTol: number
    whitening: boolean
    random: () => number
  }

  class SVM {
    constructor(options: Options)
    /** Support vectors after `train`, with their labels and multipliers. */
    readonly Y: readonly number[]
    readonly alphas: readonly number[]
    readonly b: number
    /** Of the linear kernel. */
    readonly W: readonly number[] | undefined
    train(features: readonly (readonly number[])[], labels: readonly (1 | -1)[]): void
    /** 1 or -1. */
    predictOne(row: readonly number[]): number
    /** The decision at each row: above 0 for 1. */
    margin(rows: readonly (readonly number[])[]): number[]
    /** Rows of the training set. */
    supportVectors(): readonly number[]
  }

  export = SVM
}
