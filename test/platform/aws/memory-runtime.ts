import type { FunctionRuntime } from '../../../platform/aws/function-runtime.ts'
import type { LambdaContext } from '../../../platform/aws/lambda.ts'
import { memoryPorts, type MemoryPorts } from '../../../platform/testing/index.ts'

export interface MemoryRuntime extends FunctionRuntime {
  readonly ports: MemoryPorts
  /** Times that measurements were flushed. */
  flushes: number
}

/** What a function works with, in memory. */
export function memoryRuntime(ports: MemoryPorts = memoryPorts()): MemoryRuntime {
  const runtime: MemoryRuntime = {
    ports,
    logger: Object.assign(ports.logger, { begin: () => undefined }),
    metrics: Object.assign(ports.metrics, { flush: () => void (runtime.flushes += 1) }),
    flushes: 0,
  }
  return runtime
}

/** A call of Lambda with so much time left. */
export function lambdaContext(remaining = 60_000): LambdaContext {
  return {
    awsRequestId: '6bc28136-xmpl-4365-b021-0ce6b2e64ab0',
    functionName: 'millrace-claim',
    functionVersion: '3',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:millrace-claim:3',
    memoryLimitInMB: '512',
    getRemainingTimeInMillis: () => remaining,
  }
}
