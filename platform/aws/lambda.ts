/** What Lambda tells of a call, as far as it concerns us. */
export interface LambdaContext {
  readonly awsRequestId: string
  readonly functionName: string
  readonly functionVersion: string
  readonly invokedFunctionArn: string
  readonly memoryLimitInMB: string
  /** Milliseconds until Lambda ends the call. */
  getRemainingTimeInMillis(): number
}
