import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPlatform } from 'millrace'
import { monthlyReport } from './workflow.ts'

const dataDir = await mkdtemp(join(tmpdir(), 'monthly-report-'))
const platform = await openPlatform({ dataDir, workflows: [monthlyReport] })
try {
  const { objects, executions } = platform.ports
  await objects.put('sales/may.csv', new TextEncoder().encode('day,amount\n1,120\n2,80\n'))

  let [execution] = (await executions.list({ workflow: 'monthly-report' })).executions
  while (execution === undefined || execution.status === 'RUNNING') {
    await new Promise((resolve) => setTimeout(resolve, 20))
    ;[execution] = (await executions.list({ workflow: 'monthly-report' })).executions
  }
  const { output } = await executions.describe('monthly-report', execution.name)
  console.log(execution.status, JSON.stringify(output))
} finally {
  await platform.close()
  await rm(dataDir, { recursive: true })
}
