import { describe, it } from 'vitest'
import { seededRandom } from '../../../ml/data/index.ts'
import { surviveKill, surviveKillOfRejection, trainingTaskNames } from './kill.ts'

const phases = ['before', 'after'] as const
const random = seededRandom(20261121)

describe('kill -9 in the training workflow', () => {
  for (const task of trainingTaskNames) {
    it.each(phases)(`is survived in ${task}, %s its work`, (phase) => surviveKill(task, phase))
  }
  for (const task of ['Claim', 'Validate', 'Quarantine', 'RecordOutcome']) {
    it.each(phases)(`is survived by a rejection in ${task}, %s its work`, (phase) =>
      surviveKillOfRejection(task, phase),
    )
  }
  it.each(Array.from({ length: 20 }, () => String(Math.floor(random() * 700))))(
    'is survived %s ms after the platform opened',
    (milliseconds) => surviveKill(milliseconds),
  )
})
