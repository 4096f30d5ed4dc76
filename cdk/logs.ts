import { Fn, Stack } from 'aws-cdk-lib'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type { PlatformResources } from './platform-resources.ts'

/**
 * A log group that an AWS service writes to. Below `/aws/vendedlogs/` it takes no room in the account's
 * one resource policy for logs; the end of the stack's id keeps the name free of a group that an
 * earlier stack of the same name left.
 */
export function serviceLogGroup(
  scope: Construct,
  id: string,
  name: string,
  platform: Pick<PlatformResources, 'platformName' | 'logRetention' | 'removalPolicy'>,
): LogGroup {
  const stackUuid = Fn.select(2, Fn.split('/', Stack.of(scope).stackId))
  return new LogGroup(scope, id, {
    logGroupName: `/aws/vendedlogs/${platform.platformName}/${name}/${stackUuid}`,
    retention: platform.logRetention,
    removalPolicy: platform.removalPolicy,
  })
}
