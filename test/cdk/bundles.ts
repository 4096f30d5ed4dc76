import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const names = [
  'claim',
  'validate',
  'quarantine',
  'train',
  'training-container',
  'evaluate',
  'register',
  'check-drift',
  'promote',
  'announce',
  'report',
  'plan-batch',
  'rewrite-rows',
  'predict-range',
  'join-batch',
  'claim-retraining',
  'count-labels',
  'prepare-retraining',
  'await-training',
  'watch-promotion',
  'end-retraining',
  'record-retraining',
  'api',
  'authorizer',
  'predictions',
  'messages',
  'sweep',
  'usage',
  'monitors',
]

/** A folder of bundles that stand in for the prebuilt ones, which tests of templates do not run. */
export function standInBundles(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-functions-'))
  for (const name of names) {
    mkdirSync(join(directory, name))
    writeFileSync(join(directory, name, 'index.mjs'), 'export const handler = async () => null\n')
    if (name === 'training-container')
      writeFileSync(join(directory, name, 'Dockerfile'), 'FROM scratch\n')
  }
  return directory
}
