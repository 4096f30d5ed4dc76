import { Duration } from 'aws-cdk-lib'
import { CfnRule, EventBus, Rule, type IEventBus, type IRuleTarget } from 'aws-cdk-lib/aws-events'
import type { TargetBaseProps } from 'aws-cdk-lib/aws-events-targets'
import type { Construct } from 'constructs'
import { validatePattern, type EventPattern } from '../events/index.ts'
import type { PlatformResources } from './platform-resources.ts'

/** A rule for a pattern as it stands, in EventBridge's own words. */
export function eventRule(
  scope: Construct,
  id: string,
  options: { pattern: EventPattern; bus: IEventBus; description: string; target: IRuleTarget },
): Rule {
  const { pattern, bus, description, target } = options
  validatePattern(pattern)
  const rule = new Rule(scope, id, {
    eventBus: bus,
    description,
    // CDK's own form of patterns has no place for all that EventBridge takes.
    eventPattern: { source: ['replaced below'] },
    targets: [target],
  })
  ;(rule.node.defaultChild as CfnRule).eventPattern = pattern
  return rule
}

/** How long a target is tried, and where its events go then. */
export function untilDelivered({ undeliveredEvents }: PlatformResources): TargetBaseProps {
  return {
    deadLetterQueue: undeliveredEvents,
    retryAttempts: 185,
    maxEventAge: Duration.hours(24),
  }
}

/** AWS services tell on the account's default bus, everyone else on the platform's. */
export function busOf(
  scope: Construct,
  id: string,
  pattern: EventPattern,
  platform: PlatformResources,
): IEventBus {
  const sources = Array.isArray(pattern['source']) ? (pattern['source'] as unknown[]) : []
  const isOfServices = sources.some(
    (source) => typeof source === 'string' && source.startsWith('aws.'),
  )
  return isOfServices ? EventBus.fromEventBusName(scope, id, 'default') : platform.eventBus
}

/** Keeps a pattern of S3's events that names no bucket to the platform's own. */
export function ofPlatform(pattern: EventPattern, { bucket }: PlatformResources): EventPattern {
  const source = pattern['source']
  const isOfS3 = Array.isArray(source) && source.length === 1 && source[0] === 'aws.s3'
  const detail = (pattern['detail'] ?? {}) as EventPattern
  if (!isOfS3 || 'bucket' in detail) return pattern
  return { ...pattern, detail: { bucket: { name: [bucket.bucketName] }, ...detail } }
}
