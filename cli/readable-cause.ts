import * as z from 'zod'
import { oneLine } from './terminal.ts'

const lambdaCause = z.object({ errorMessage: z.string() })

/** A failure's cause for people: the message of the JSON that Lambda makes of an error, on one line. */
export function readableCause(cause: string): string {
  return oneLine(messageIn(cause) ?? cause)
}

function messageIn(cause: string): string | undefined {
  try {
    return lambdaCause.safeParse(JSON.parse(cause)).data?.errorMessage
  } catch {
    return undefined
  }
}
