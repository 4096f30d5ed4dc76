import { it } from 'vitest'
import { mapInFlatMemory } from './map-rows.ts'

it('a Map reads a million rows without having them in memory', () => mapInFlatMemory(1_000_000))
