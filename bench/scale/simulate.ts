/**
 * Writes the tables of docs/scale.md anew, between its markers. Seeded: the same on every machine.
 *
 *     node bench/scale/simulate.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withTables } from './page.ts'

const page = join(import.meta.dirname, '../../docs/scale.md')
writeFileSync(page, withTables(readFileSync(page, 'utf8')))
