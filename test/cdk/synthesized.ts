import { App } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { MillraceStack, type TrainingPlatformProps } from '../../cdk/index.ts'
import { standInBundles } from './bundles.ts'

const functionsDirectory = standInBundles()

// Half the time of a synthesis: warnings that no test reads, and where each construct was made.
process.env['CDK_VALIDATION'] = 'false'
process.env['CDK_DISABLE_STACK_TRACE'] = '1'

/** A stack `Millrace` with a platform, and what `extend` adds to it; its template. */
export function synthesized(
  props: TrainingPlatformProps = {},
  extend: (stack: MillraceStack) => void = () => undefined,
): { stack: MillraceStack; template: Template } {
  const stack = new MillraceStack(new App(), 'Millrace', { functionsDirectory, ...props })
  extend(stack)
  return { stack, template: Template.fromStack(stack) }
}

export interface Resource {
  readonly Type: string
  readonly Properties: Readonly<Record<string, unknown>>
  readonly DeletionPolicy?: string
  readonly UpdateReplacePolicy?: string
}

export function resourcesOf(template: Template): Readonly<Record<string, Resource>> {
  return (template.toJSON() as { Resources: Record<string, Resource> }).Resources
}

/** Resources of one type, by their logical ids. */
export function ofType(template: Template, type: string): Record<string, Resource> {
  return Object.fromEntries(
    Object.entries(resourcesOf(template)).filter(([, { Type }]) => Type === type),
  )
}

export interface Statement {
  readonly Effect: string
  readonly Action: string | readonly string[]
  readonly Resource: unknown
}

/** The statements of the roles whose logical ids begin with `prefix`. */
export function statementsOf(template: Template, prefix: string): Statement[] {
  return Object.entries(ofType(template, 'AWS::IAM::Policy'))
    .filter(([id]) => id.startsWith(prefix))
    .flatMap(
      ([, { Properties }]) =>
        (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement,
    )
}

export function listOf<Value>(value: Value | readonly Value[]): readonly Value[] {
  return Array.isArray(value) ? (value as readonly Value[]) : [value as Value]
}

/** A reference as text: `<LogicalId.Arn>/uploads/*`. */
export function written(reference: unknown): string {
  if (typeof reference === 'string') return reference
  const { Ref, ...functions } = reference as Record<string, unknown>
  if (typeof Ref === 'string') return `<${Ref}>`
  const join = functions['Fn::Join'] as [string, unknown[]] | undefined
  if (join !== undefined) return join[1].map(written).join(join[0])
  const attribute = functions['Fn::GetAtt'] as [string, string] | undefined
  return attribute === undefined ? JSON.stringify(reference) : `<${attribute.join('.')}>`
}
