import { lambdaInvoke, openEngine } from '../../engine/index.ts'
import { training } from '../../platform/local/training.ts'
import { memoryPorts, putUpload } from '../../platform/testing/index.ts'
import { invokeTask } from '../../tasks/task.ts'
import type { TrainingConfiguration } from '../../tasks/training-configuration.ts'
import type { ProcessCompute } from './process-compute.ts'

/**
 * Runs the training workflow with its real tasks, whose jobs `compute` measures, on ports in memory.
 * Before that a champion of nothing learned is trained, unmeasured, that the training is judged against.
 *
 * @throws Error when it did not end with a trained version
 */
export async function trainMeasured(
  compute: ProcessCompute,
  bytes: Uint8Array,
  format: 'npy' | 'csv',
  configuration: TrainingConfiguration,
): Promise<void> {
  const ports = { ...memoryPorts(), compute }
  const tasks = new Map(training.tasks.map((task) => [task.name, task]))
  const engine = await openEngine({
    tasks: lambdaInvoke((name) => {
      const task = tasks.get(name)
      return task && ((payload, { signal }) => invokeTask(task, payload, ports, { signal }))
    }),
  })
  try {
    const { stateMachineArn } = await engine.createStateMachine({
      name: training.name,
      definition: JSON.stringify(training.definition).replaceAll(/\$\{(\w+)\}/g, '$1'),
      roleArn: 'arn:aws:iam::000000000000:role/bench',
    })
    const floors = { classification: 'majority', regression: 'mean', clustering: 'k-means' }
    const floor = floors[configuration.task ?? 'classification']
    for (const settings of [{ ...configuration, trials: 1, algorithms: [floor] }, configuration]) {
      compute.measured.length = 0
      const key = `uploads/plan/data.${format}`
      const metadata = { configuration: JSON.stringify(settings) }
      const input = JSON.stringify(await putUpload(ports.objects, key, bytes, { metadata }))
      const { executionArn } = await engine.startExecution({ stateMachineArn, input })
      const { status, output, cause } = await engine.waitFor(executionArn)
      if (status === 'SUCCEEDED' && output?.includes('"version"')) continue
      throw new Error(`the training ended ${status}: ${cause ?? output}`)
    }
  } finally {
    await engine.close()
  }
}
