/**
 * The service's quotas, which the engine enforces.
 * https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
 */
export const limits = {
  /** UTF-8 bytes of JSON of an input, an output, arguments or a result. */
  stateDataBytes: 262_144,
  /** Events of the history of a Standard execution. */
  historyEvents: 25_000,
  /** Seconds that an Express execution may take. */
  expressSeconds: 300,
  /** UTF-8 bytes of a definition. */
  definitionBytes: 1_048_576,
  /** Characters of the names of executions, state machines, states and variables. */
  nameLength: 80,
  /** Characters of an Error and of a Cause. */
  errorLength: 256,
  causeLength: 32_768,
  /** UTF-8 bytes of JSON of all variables of an execution. */
  variableBytes: 10_485_760,
  /** Iterations that an inline Map runs at once when its definition sets no lower bound. */
  mapConcurrency: 40,
  /** Child executions that a distributed Map runs at once. */
  mapRunConcurrency: 10_000,
  /** Items that MaxItems of a distributed Map can be. */
  mapItems: 100_000_000,
  /** Characters of the Label of a distributed Map. */
  mapLabelLength: 40,
  /** Seconds that a Wait, a timeout, a heartbeat or a retry delay can be: a little over three years. */
  seconds: 99_999_999,
  /** Days after its end that an execution can be redriven. */
  redriveDays: 14,
  /** Characters of a task token. */
  taskTokenLength: 2048,
  /** Escaped bytes of input and output together that a status-change event carries. */
  statusChangeBytes: 253_952,
} as const
