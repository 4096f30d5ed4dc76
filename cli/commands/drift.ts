import type { Command } from 'commander'
import type { Run } from '../options.ts'
import { addDriftPolicy } from './drift-policy.ts'
import { addDriftStatus } from './drift-status.ts'

export function addDrift(program: Command, run: Run): void {
  const drift = program
    .command('drift')
    .description('what has changed in what a model serves, and what that may bring about')
  addDriftStatus(drift, run)
  addDriftPolicy(drift, run)
}
