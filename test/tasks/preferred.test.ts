import { describe, expect, it } from 'vitest'
import { preferred } from '../../tasks/preferred.ts'
import type { TrainedCandidate } from '../../tasks/shapes.ts'

function candidate(algorithm: string, accuracy: number, logLoss: number | null): TrainedCandidate {
  return {
    outcome: 'trained',
    algorithm,
    artifact: { key: algorithm, versionId: '1', sha256: algorithm, size: 1 },
    crossValidation: {
      task: 'classification',
      metric: 'accuracy',
      score: accuracy,
      accuracy,
      logLoss,
      folds: [accuracy],
      trials: 1,
      hyperparameters: {},
    },
  } as unknown as TrainedCandidate
}

describe('The preferred candidate', () => {
  const [poor, sure, silent] = [
    candidate('poor', 0.9, 0.5),
    candidate('sure', 0.9, 0.2),
    candidate('silent', 0.9, null),
  ]

  it('is of equal accuracies the one of the lowest log loss, wherever one without stands', () => {
    for (const order of [
      [poor, silent, sure],
      [silent, poor, sure],
      [sure, silent, poor],
      [silent, sure, poor],
    ]) {
      expect(preferred(order).algorithm).toBe('sure')
    }
    expect(preferred([silent, candidate('other', 0.9, null)]).algorithm).toBe('silent')
    expect(preferred([sure, candidate('best', 0.95, null)]).algorithm).toBe('best')
  })
})
