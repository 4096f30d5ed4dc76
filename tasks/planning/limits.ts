/**
 * Limits of AWS that plans and `docs/scale.md` reckon with: defaults of an account in us-east-1, read in
 * the documentation as of 2026. Those that can be raised on request say so. A new account may have
 * less.
 */
export const limits = {
  /** https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
  lambda: {
    /** Seconds of one invocation. */
    seconds: 900,
    /** Bytes of memory. */
    memoryBytes: 10_240 * 1024 * 1024,
    /** MiB of memory at which a function has one whole processor. */
    mebibytesPerProcessor: 1769,
    /** Bytes of a synchronous request, and of its answer. */
    payloadBytes: 6 * 1024 * 1024,
    /** Invocations of an account at one time. Can be raised. */
    concurrency: 1000,
    /**
     * Environments that one function can gain in so many seconds, refilled continuously.
     * https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html
     */
    scaling: { environments: 1000, seconds: 10 },
  },
  /** https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html */
  stepFunctions: {
    /** UTF-8 bytes of an input or output of a state. */
    stateBytes: 262_144,
    /** Events in the history of a Standard execution. */
    historyEvents: 25_000,
    /** Executions that are open in an account: beyond, StartExecution is refused. Can be raised. */
    openExecutions: 1_000_000,
    /** Seconds of an Express execution. */
    expressSeconds: 300,
    /** Child executions of one Map Run at one time. */
    mapRunConcurrency: 10_000,
    /** Map Runs of an account at one time. */
    openMapRuns: 1000,
    /** StartExecution of Standard state machines: tokens, and how many flow in a second. Can be raised. */
    startStandard: { burst: 1300, rate: 300 },
    /** Of Express state machines. What starts the children of a Map Run is taken to keep to it too. */
    startExpress: { burst: 6000, rate: 6000 },
    /**
     * Transitions of all Standard executions, which wait when it is empty. 1,500 a second is what the
     * page said in 2022; it has grown since, and a new account has less. Can be raised.
     */
    transitions: { burst: 5000, rate: 1500 },
  },
  /**
   * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html and eb-rule-retry-policy.html
   */
  eventBridge: {
    /** Calls of targets a second: beyond, they come later. Can be raised. */
    invocationsPerSecond: 18_750,
    /** How often and how long a target is tried before the event goes to the dead-letter queue. */
    retry: { attempts: 185, seconds: 86_400 },
  },
  /**
   * Requests a second and partition of a bucket's keys, at least; it divides what is busy within the
   * hour. https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
   */
  s3: {
    getsPerSecond: 5500,
    putsPerSecond: 3500,
    /** Parts of one upload, which an object is joined from. */
    parts: 10_000,
  },
  /** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html */
  dynamodb: {
    /** Units of 1 KB a second of one partition, and so of one item. A write in a transaction is two. */
    writesPerSecond: 1000,
    readsPerSecond: 3000,
  },
  /** https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html */
  fargate: {
    memoryBytes: 120 * 1024 ** 3,
    processors: 16,
    /** Seconds from a task's start to its program's, of which no promise is made. */
    startSeconds: 60,
  },
} as const
