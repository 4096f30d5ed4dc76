import { describe, expect, it } from 'vitest'
import { isEmulator } from '../platform/aws/endpoint.ts'
import { openDeployed } from './deployed.ts'
import { openEmbedded } from './embedded.ts'
import { httpApiScenarios } from './http-api.ts'
import { mainJobScenarios, type Signatures } from './main-job.ts'

const deployed: Signatures = new Map()
const embedded: Signatures = new Map()

mainJobScenarios('deployed', openDeployed, deployed, { historyShowsInsideOfMaps: !isEmulator })
mainJobScenarios('embedded, for comparison', openEmbedded, embedded)
httpApiScenarios('deployed', openDeployed)

describe('the two platforms', () => {
  it.each(['accepted', 'presigned', 'duplicate', 'drift', 'rejected'])(
    'go the same way with the same outcomes: %s',
    (scenario) => {
      expect(deployed.get(scenario)).toBeDefined()
      expect(deployed.get(scenario)).toEqual(embedded.get(scenario))
    },
  )
})
