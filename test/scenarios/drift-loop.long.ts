import { driftLoopScenarios } from './drift-loop.ts'
import { openEmbedded } from './embedded.ts'

driftLoopScenarios('embedded', openEmbedded)
