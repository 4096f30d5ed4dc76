import type { Table } from '../../platform/ports/index.ts'
import type { Deployment } from '../platform-location.ts'
import { clientPackages, optional } from './packages.ts'
import { clientOptions, cloudFormation, stackOutputs } from './stack.ts'

/**
 * The table of a stack, by the caller's credentials.
 *
 * @throws MillraceError StackNotFound, AccessRefused, PackageMissing, PlatformNotRunning where nothing
 * answers.
 */
export async function stackTable(deployment: Deployment): Promise<Table> {
  const packages = [...clientPackages, '@aws-sdk/client-dynamodb']
  const { DynamoTable } = await optional(packages, () => import('../../platform/aws/table.ts'))
  const { dynamodbClient } = await import('../../platform/aws/clients/dynamodb.ts')
  const { TableName } = await stackOutputs(await cloudFormation(deployment), deployment)
  return new DynamoTable({
    client: dynamodbClient(clientOptions(deployment)),
    tableName: TableName,
  })
}
