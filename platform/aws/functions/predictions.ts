import { predictionsFunction } from '../predictions-function.ts'

export const handler = await predictionsFunction()
