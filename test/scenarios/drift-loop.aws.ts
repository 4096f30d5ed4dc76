import { openDeployed } from './deployed.ts'
import { driftLoopScenarios } from './drift-loop.ts'

driftLoopScenarios('deployed', openDeployed)
