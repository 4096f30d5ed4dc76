import { defineWorkflow } from 'millrace'
import definition from './monthly-report.asl.json' with { type: 'json' }
import { flag, summarize } from './tasks.ts'

/** Starts for every `.csv` that is put under `sales/`. */
export const monthlyReport = defineWorkflow({
  name: 'monthly-report',
  definition,
  tasks: [summarize, flag],
  trigger: {
    source: ['aws.s3'],
    'detail-type': ['Object Created'],
    detail: { object: { key: [{ wildcard: 'sales/*.csv' }] } },
  },
})
