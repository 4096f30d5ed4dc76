/**
 * List prices in US dollars, us-east-1, on demand, without free tiers, discounts for volume or taxes.
 * Looked up in 2026 in AWS's pages and those that repeat them, as of `pricesAsOf`.
 * Prices change: compare with the pages named here before much depends on them.
 */
export const prices = {
  /** https://aws.amazon.com/lambda/pricing/ — arm64, the first 7.5 billion GB-seconds of a month. */
  lambda: { gbSecond: 0.0000133334, request: 0.2 / 1e6 },
  /** https://aws.amazon.com/step-functions/pricing/ — Express: the first 1,000 hours' worth of GB. */
  stepFunctions: {
    transition: 0.025 / 1000,
    expressRequest: 1 / 1e6,
    expressGbSecond: 0.00001667,
  },
  /** https://aws.amazon.com/s3/pricing/ — Standard; a GB for a month. */
  s3: { put: 0.005 / 1000, get: 0.0004 / 1000, gbMonth: 0.023 },
  /** https://aws.amazon.com/dynamodb/pricing/on-demand/ — since November 2024; a GB for a month. */
  dynamodb: { write: 0.625 / 1e6, read: 0.125 / 1e6, gbMonth: 0.25 },
  /** https://aws.amazon.com/fargate/pricing/ — Linux on arm64. */
  fargate: { processorHour: 0.03238, gbHour: 0.00356 },
  /** https://aws.amazon.com/api-gateway/pricing/ — HTTP APIs, the first 300 million of a month. */
  httpApi: { request: 1 / 1e6 },
  /** https://aws.amazon.com/eventbridge/pricing/ — our own events; those of S3 are free. */
  eventBridge: { event: 1 / 1e6 },
  /** https://aws.amazon.com/sagemaker/pricing/ — a real-time endpoint of one ml.m5.large. */
  endpoint: { hour: 0.115 },
} as const

/** When the prices were looked up. */
export const pricesAsOf = '2026-06'

/** Hours of a month, as AWS reckons them. */
export const monthHours = 730
