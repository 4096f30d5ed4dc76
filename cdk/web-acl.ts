import { CfnWebACL, CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2'
import type { Construct } from 'constructs'

export interface WebAclOptions {
  readonly platformName: string
  /** Requests in five minutes from one address. */
  readonly addressRateLimit: number
  /** The stage that it stands before. */
  readonly resourceArn: string
}

/** Turns away addresses that ask too often, and what AWS's common rules know as attacks. */
export function webAcl(scope: Construct, id: string, options: WebAclOptions): CfnWebACL {
  const { platformName, addressRateLimit, resourceArn } = options
  const acl = new CfnWebACL(scope, id, {
    scope: 'REGIONAL',
    description: `Before the REST API of ${platformName}`,
    defaultAction: { allow: {} },
    visibilityConfig: visibility(`${platformName}-web-acl`),
    rules: [
      {
        name: 'AddressRate',
        priority: 0,
        action: { block: {} },
        statement: {
          rateBasedStatement: { limit: addressRateLimit, aggregateKeyType: 'IP' },
        },
        visibilityConfig: visibility(`${platformName}-address-rate`),
      },
      {
        name: 'CommonRules',
        priority: 1,
        overrideAction: { none: {} },
        statement: {
          managedRuleGroupStatement: {
            vendorName: 'AWS',
            name: 'AWSManagedRulesCommonRuleSet',
            // It refuses bodies over 8 KB, which a prediction of some hundred rows has.
            ruleActionOverrides: [{ name: 'SizeRestrictions_BODY', actionToUse: { count: {} } }],
          },
        },
        visibilityConfig: visibility(`${platformName}-common-rules`),
      },
    ],
  })
  new CfnWebACLAssociation(scope, `${id}Association`, {
    webAclArn: acl.attrArn,
    resourceArn,
  })
  return acl
}

function visibility(metricName: string) {
  return { cloudWatchMetricsEnabled: true, sampledRequestsEnabled: true, metricName }
}
