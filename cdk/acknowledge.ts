import { Stack, Validations } from 'aws-cdk-lib'
import { PolicyStatement, type PolicyStatementProps, type Role } from 'aws-cdk-lib/aws-iam'
import type { IConstruct } from 'constructs'

/** Says why a construct goes on without what a rule of cdk-nag asks for. */
export function acknowledge(scope: IConstruct, rule: string, reason: string): void {
  Validations.of(scope).acknowledge({ id: rule, reason })
}

/**
 * Adds a statement to a role, and acknowledges its resources with a wildcard, one by one, for
 * `wildcards`, the reason why they have one.
 */
export function allow(
  role: Role,
  statement: PolicyStatementProps & { readonly resources: string[] },
  wildcards?: string,
): void {
  role.addToPrincipalPolicy(new PolicyStatement(statement))
  if (wildcards !== undefined) acknowledgeWildcards(role, statement.resources, wildcards)
}

/** Acknowledges those of `resources` that have a wildcard in the policies of a role. */
export function acknowledgeWildcards(role: Role, resources: readonly string[], reason: string) {
  for (const resource of resources) {
    const named = nameOf(Stack.of(role).resolve(resource))
    if (named.includes('*')) acknowledge(role, `AwsSolutions-IAM5[Resource::${named}]`, reason)
  }
}

/** A resource as cdk-nag names it in a finding. */
function nameOf(reference: unknown): string {
  if (typeof reference === 'string') return reference
  const { Ref, ...functions } = reference as Record<string, unknown>
  if (typeof Ref === 'string') return `<${Ref}>`
  const join = functions['Fn::Join'] as [string, unknown[]] | undefined
  if (join !== undefined) return join[1].map(nameOf).join(join[0])
  const attribute = functions['Fn::GetAtt'] as [string, string] | undefined
  if (attribute !== undefined) return `<${attribute.join('.')}>`
  const imported = functions['Fn::ImportValue']
  return imported === undefined ? JSON.stringify(reference) : nameOf(imported)
}
