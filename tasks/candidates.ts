import { defaultCandidates, isModelError, trainerNamed } from '../ml/models/index.ts'
import type { RejectionReason } from './shapes.ts'
import type { TrainingConfiguration } from './training-configuration.ts'

/** The trainers to race, and what is wrong with those that the configuration asks for. */
export function candidatesFor(
  { algorithms, hyperparameters = {} }: TrainingConfiguration,
  rows: number,
  features: number,
): { names: string[]; reasons: RejectionReason[] } {
  const names = [...new Set(algorithms ?? defaultCandidates(rows, features).names)]
  const reasons: RejectionReason[] = []
  const check = (code: string, action: () => unknown) => {
    try {
      action()
    } catch (error) {
      if (!isModelError(error)) throw error
      reasons.push({ code, message: error.message })
    }
  }
  const usable = names.filter((name) => {
    let rowCap: number | undefined
    check('AlgorithmUnknown', () => (rowCap = trainerNamed(name).rowCap))
    return rowCap === undefined || rows <= rowCap
  })
  if (reasons.length === 0 && usable.length === 0) {
    const message = `${names.join(', ')}: none of them learns from as many as ${rows} rows`
    reasons.push({ code: 'RowCapExceeded', message })
  }
  for (const [name, options] of Object.entries(hyperparameters)) {
    check('HyperparameterInvalid', () => trainerNamed(name).create(options, 0))
  }
  return { names, reasons }
}
