import { MillraceError } from './errors.ts'

/** The longest times that SQS takes. */
export const maxDelaySeconds = 15 * 60
export const maxVisibilitySeconds = 12 * 60 * 60

/** Whole seconds from 0 to `max`, or `fallback` when not given. Throws RequestInvalid. */
export function checkSeconds(
  name: string,
  seconds: number | undefined,
  fallback: number,
  max: number,
): number {
  if (seconds === undefined) return fallback
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > max) {
    throw new MillraceError('RequestInvalid', `${name} is ${seconds}: give 0 to ${max} seconds`)
  }
  return seconds
}
