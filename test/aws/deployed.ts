import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation'
import { clientOptions, endpoint } from '../platform/aws/endpoint.ts'

/** The stack that `npm run test:aws` deployed before the tests. */
export interface Deployed {
  readonly stack: string
  readonly endpoint: string
  /** Every output by its name. */
  readonly outputs: Readonly<Record<string, string>>
  /** Where the HTTP API answers from this machine; paths go below it, as `${apiUrl}/health`. */
  readonly apiUrl: string
}

/** Finds it by MILLRACE_STACK. */
export async function deployed(): Promise<Deployed> {
  const stack = process.env['MILLRACE_STACK']
  if (stack === undefined) {
    throw new Error('MILLRACE_STACK names no deployed stack: run npm run test:aws, or deploy one')
  }
  const client = new CloudFormationClient(clientOptions)
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: stack }))
  const outputs = Object.fromEntries(
    (Stacks[0]?.Outputs ?? []).map((one) => [one.OutputKey ?? '', one.OutputValue ?? '']),
  )
  const [, api] = /^\w+:\/\/([a-z0-9]+)\.execute-api\./.exec(outputs['ApiUrl'] ?? '') ?? []
  if (api === undefined) throw new Error(`the stack ${stack} tells no ApiUrl`)
  return { stack, endpoint, outputs, apiUrl: `${endpoint}/_aws/execute-api/${api}/$default` }
}
