import { memoryPorts, putUpload, runTask, runWorkflow } from 'millrace/testing'
import { describe, expect, it } from 'vitest'
import { summarize } from './tasks.ts'
import { monthlyReport } from './workflow.ts'

const csv = (text: string) => new TextEncoder().encode(text)

describe('the task Summarize', () => {
  it('adds up the amounts', async () => {
    const ports = memoryPorts()
    const { versionId } = await ports.objects.put('sales/may.csv', csv('day,amount\n1,120\n2,80\n'))
    const summary = await runTask(summarize, { key: 'sales/may.csv', versionId }, ports)
    expect(summary).toEqual({ key: 'sales/may.csv', rows: 2, total: 200 })
  })

  it('says which column is missing', async () => {
    const ports = memoryPorts()
    const { versionId } = await ports.objects.put('sales/may.csv', csv('day,sum\n1,120\n'))
    const run = runTask(summarize, { key: 'sales/may.csv', versionId }, ports)
    await expect(run).rejects.toThrow('no column "amount"')
  })
})

describe('the workflow', () => {
  it('flags a bad month, with real tasks on ports in memory', async () => {
    const ports = memoryPorts()
    const input = await putUpload(ports.objects, 'sales/may.csv', csv('day,amount\n1,120\n'))
    const run = await runWorkflow(monthlyReport, { input, ports })
    expect(run).toMatchObject({ status: 'SUCCEEDED', states: ['Summarize', 'IsBad', 'Flag'] })
    expect(await ports.table.get('bad-months', 'sales/may.csv')).toMatchObject({ total: 120 })
  })

  it('lets a good month be, and tries again when the storage fails', async () => {
    let attempts = 0
    const run = await runWorkflow(monthlyReport, {
      input: { detail: { object: { key: 'sales/june.csv', 'version-id': 'v' } } },
      mocks: {
        Summarize: () => {
          attempts += 1
          if (attempts < 3) throw Object.assign(new Error('disk'), { name: 'StorageFailed' })
          return { key: 'sales/june.csv', rows: 30, total: 5000 }
        },
      },
    })
    expect(run).toMatchObject({ status: 'SUCCEEDED', states: ['Summarize', 'IsBad', 'Good'] })
    expect(run.calls['Summarize']).toHaveLength(3)
    expect(run.calls['Flag']).toEqual([])
  })
})
