import { batchScenarios } from './batch.ts'
import { openDeployed } from './deployed.ts'

batchScenarios('deployed', openDeployed)
