import * as z from 'zod'
import { envelope, eventEnvelope, type EventEnvelope, type EventOrigin } from './envelope.ts'
import type { EventPattern } from './pattern.ts'

/**
 * Step Functions' "Step Functions Execution Status Change" event. Times are milliseconds since 1970;
 * fields that do not apply are null. `input` and `output` are JSON texts, absent when too large.
 * https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
 */
export const executionStatusChangeDetail = z.looseObject({
  executionArn: z.string(),
  stateMachineArn: z.string(),
  name: z.string(),
  status: z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']),
  startDate: z.number(),
  stopDate: z.number().nullable(),
  input: z.string().nullable(),
  output: z.string().nullable(),
  error: z.string().nullable(),
  cause: z.string().nullable(),
  redriveCount: z.number().optional(),
})

export const executionStatusChangeSchema = eventEnvelope.extend({
  source: z.literal('aws.states'),
  'detail-type': z.literal('Step Functions Execution Status Change'),
  detail: executionStatusChangeDetail,
})

export type ExecutionStatusChangeDetail = z.infer<typeof executionStatusChangeDetail>
export type ExecutionStatusChangeEvent = EventEnvelope<ExecutionStatusChangeDetail>

export function executionStatusChangeEvent(
  detail: ExecutionStatusChangeDetail,
  origin: EventOrigin,
): ExecutionStatusChangeEvent {
  return envelope(
    'aws.states',
    'Step Functions Execution Status Change',
    detail,
    [detail.executionArn],
    origin,
  )
}

/** The ends of one state machine's executions, however they came about. */
export function executionEndedPattern(stateMachineArn: string): EventPattern {
  return {
    source: ['aws.states'],
    'detail-type': ['Step Functions Execution Status Change'],
    detail: {
      stateMachineArn: [stateMachineArn],
      status: ['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'],
    },
  }
}
