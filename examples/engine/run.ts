import { readFile } from 'node:fs/promises'
import { type LambdaFunction, lambdaInvoke, openEngine, virtualClock } from 'millrace/engine'

const functions: Record<string, LambdaFunction> = {
  charge: (order) => ({ receipt: `charged ${(order as { total: number }).total}` }),
  ship: (order) => `parcel-${(order as { id: string }).id}`,
}

/** Runs the order to its end, a month later, and answers what it came to. */
export async function runOrder(print: (line: string) => void): Promise<unknown> {
  const engine = await openEngine({
    tasks: lambdaInvoke((name) => functions[name]),
    clock: virtualClock(),
  })
  const { stateMachineArn } = await engine.createStateMachine({
    name: 'order',
    definition: await readFile(new URL('order.asl.json', import.meta.url), 'utf8'),
  })
  const { executionArn } = await engine.startExecution({
    stateMachineArn,
    input: JSON.stringify({ id: 'A-1', total: 120 }),
  })

  for await (const { timestamp, type, stateEnteredEventDetails } of engine.watch(executionArn)) {
    const { name = '' } = (stateEnteredEventDetails ?? {}) as { name?: string }
    print(`${timestamp.toISOString()}  ${type} ${name}`)
  }
  const { status, output } = await engine.describeExecution({ executionArn })
  await engine.close()
  return { status, output: JSON.parse(output ?? 'null') as unknown }
}
