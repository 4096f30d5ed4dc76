import { apiFunction } from '../api-function.ts'

export const handler = apiFunction()
