import { openEmbedded } from './embedded.ts'
import { httpApiScenarios } from './http-api.ts'
import { mainJobScenarios } from './main-job.ts'

mainJobScenarios('embedded', openEmbedded)
httpApiScenarios('embedded', openEmbedded)
