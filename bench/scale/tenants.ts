import { seededRandom } from '../../ml/data/index.ts'
import { limits } from '../../tasks/planning/limits.ts'
import training from '../../workflows/training.asl.json' with { type: 'json' }
import { policyOf, type RetryState } from './policies.ts'
import { assumedStart, reservedForPredictions } from './assumed.ts'
import { rates } from './rates.ts'
import { simulateUploads, type SimulatedState, type UploadOutcome } from './uploads.ts'

export interface TenantsScenario {
  /** Thousands of uploads a minute, for an hour. */
  readonly thousands: number
  /** Of the account, default as AWS documents it. */
  readonly transitionsPerSecond?: number
  /**
   * The share of uploads and of every limit that is simulated, default a tenth: what waits and what is
   * refused is the same, as far as chance goes.
   */
  readonly share?: number
}

export interface SimulatedTenants {
  /** Counts are of the share. */
  readonly outcome: UploadOutcome
  readonly share: number
}

/** Uploads of many tenants, each of which is trained on. Seeded. */
export function simulateTenants(scenario: TenantsScenario): SimulatedTenants {
  const { thousands, share = 0.1 } = scenario
  const { retry } = limits.eventBridge
  const { transitions, startStandard, openExecutions } = limits.stepFunctions
  const { transitionsPerSecond = transitions.rate } = scenario
  const { environments, seconds } = limits.lambda.scaling
  const shareOf = ({ rate, burst }: { readonly rate: number; readonly burst: number }) => ({
    rate: share * rate,
    burst: share * burst,
  })
  const outcome = simulateUploads({
    rate: (share * 1000 * thousands) / 60,
    seconds: 3600,
    states: statesOf(),
    limits: {
      functions: share * (limits.lambda.concurrency - reservedForPredictions),
      scaling: { environments: share * environments, seconds },
      starts: shareOf(startStandard),
      transitions: shareOf({ ...transitions, rate: transitionsPerSecond }),
      openExecutions: share * openExecutions,
      executionSeconds: training.TimeoutSeconds,
      start: assumedStart,
    },
    // AWS tells how long it goes on and how often, and not when: a pause that doubles to ten minutes.
    delivery: {
      IntervalSeconds: 1,
      BackoffRate: 2,
      MaxDelaySeconds: 600,
      MaxAttempts: retry.attempts,
      JitterStrategy: 'FULL',
      seconds: retry.seconds,
    },
    random: seededRandom(1),
  })
  return { outcome, share }
}

/** Seconds that a task waits for the bucket and the table: some ten calls. */
const waiting = 0.15

/** MiB of the functions that read a whole dataset, and of the others. */
const memory = { large: 3008, small: 512 }
const large = new Set(['Validate', 'Train', 'Evaluate', 'CheckDrift', 'Report'])

/** The way of an upload that is trained on, by the definition as it stands. */
export function statesOf(): SimulatedState[] {
  const { States } = training
  const inMap = States.Train.ItemProcessor.States
  const way: Record<string, RetryState>[] = [
    { Claim: States.Claim },
    { Validate: States.Validate },
    { Train: inMap.Fit },
    { Evaluate: States.Evaluate },
    { Register: States.Register },
    { CheckDrift: States.CheckDrift },
    { Promote: States.Promote },
    { Announce: States.Announce },
    { Report: States.Report },
  ]
  const choices = new Set(['Claim', 'Validate', 'Promote'])
  const states = way
    .flatMap((one) => Object.entries(one))
    .map(([name, state]) => {
      const runs = rates.training[name]!
      const share = Math.min(
        1,
        memory[large.has(name) ? 'large' : 'small'] / limits.lambda.mebibytesPerProcessor,
      )
      const branches = runs.map((seconds) => [
        {
          function: name,
          seconds: waiting + seconds / share,
          throttled: policyOf(state, 'Lambda.TooManyRequestsException'),
          isOptional: name === 'Report',
        },
      ])
      // Of the Map itself, and in it of the Choice and the Task of each candidate.
      const transitions = name === 'Train' ? 1 + 2 * runs.length : choices.has(name) ? 2 : 1
      return { name, transitions, branches, concurrency: States.Train.MaxConcurrency }
    })
  return [...states, { name: 'Trained', transitions: 1, branches: [], concurrency: 1 }]
}
