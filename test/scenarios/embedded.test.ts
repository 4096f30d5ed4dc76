import { openEmbedded } from './embedded.ts'
import { mainJobScenarios } from './main-job.ts'

mainJobScenarios('embedded', openEmbedded)
