import { authorizerFunction } from '../authorizer-function.ts'

export const handler = await authorizerFunction()
