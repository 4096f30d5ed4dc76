import { batchScenarios } from './batch.ts'
import { openEmbedded } from './embedded.ts'

batchScenarios('embedded', openEmbedded)
