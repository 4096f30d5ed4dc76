import { describe, expect, it } from 'vitest'
import {
  type EventPattern,
  matchesPattern,
  objectCreatedEvent,
  uploadPattern,
  validatePattern,
} from '../../events/index.ts'

const upload = (key: string) =>
  objectCreatedEvent({ bucket: 'b', key, size: 1, etag: 'e', sequencer: '0A', time: 0 })

describe('event patterns', () => {
  it.each([
    ['uploads/ada/iris.npy', true],
    ['uploads/iris.csv', true],
    ['uploads/ada/deeper/iris.npy', true],
    ['uploads/ada/iris.npy.json', false],
    ['models/ada/iris.npy', false],
    ['quarantine/uploads/iris.npy', false],
  ])('an upload of %s starts a training: %s', (key, starts) => {
    validatePattern(uploadPattern)
    expect(matchesPattern(uploadPattern, upload(key))).toBe(starts)
  })

  it.each([
    [{ a: ['x'] }, { a: 'x' }, true],
    [{ a: ['x'] }, { a: ['y', 'x'] }, true],
    [{ a: ['x'] }, { b: 'x' }, false],
    [{ a: { b: ['x'] } }, { a: 'x' }, false],
    [{ a: [1, null] }, { a: null }, true],
    [{ a: [1] }, { a: '1' }, false],
    [{ a: [{ prefix: 'up' }] }, { a: 'uploads' }, true],
    [{ a: [{ suffix: '.npy' }] }, { a: 'x.npy' }, true],
    [{ a: [{ 'equals-ignore-case': 'AbC' }] }, { a: 'aBc' }, true],
    [{ a: [{ exists: true }] }, { a: 0 }, true],
    [{ a: [{ exists: false }] }, {}, true],
    [{ a: [{ exists: true }] }, {}, false],
    [{ a: [{ 'anything-but': ['x', 'y'] }] }, { a: 'z' }, true],
    [{ a: [{ 'anything-but': 'x' }] }, { a: 'x' }, false],
    [{ a: [{ numeric: ['>', 0, '<=', 5] }] }, { a: 5 }, true],
    [{ a: [{ numeric: ['>', 0, '<=', 5] }] }, { a: 6 }, false],
    [{ a: [{ wildcard: 'a*b*c' }] }, { a: 'a-b-b-c' }, true],
    [{ a: [{ wildcard: 'a*b' }] }, { a: 'ab' }, true],
    [{ a: [{ wildcard: 'ab*ba' }] }, { a: 'aba' }, false],
    [{ $or: [{ a: ['x'] }, { b: ['y'] }] }, { b: 'y' }, true],
    [{ $or: [{ a: ['x'] }, { b: ['y'] }] }, { b: 'x' }, false],
    [{ __proto__: null, constructor: ['x'] }, {}, false],
  ] as [EventPattern, unknown, boolean][])('%j on %j: %s', (pattern, event, matches) => {
    expect(matchesPattern(pattern, event)).toBe(matches)
  })

  it.each([
    [{}, 'top level'],
    [{ a: 'x' }, 'a'],
    [{ a: [] }, 'a'],
    [{ a: { b: [{ regex: 'x' }] } }, 'a.b[0]'],
    [{ a: [{ wildcard: 'uploads/**' }] }, 'a[0]'],
    [{ a: [{ numeric: ['>'] }] }, 'a[0]'],
    [{ $or: [{ a: ['x'] }] }, '$or'],
    [[], 'top level'],
    [null, 'top level'],
  ])('refuses the pattern %j and says where', (pattern, path) => {
    expect(() => validatePattern(pattern)).toThrow(path)
  })

  it('takes time in proportion to the text for a wildcard that almost matches', () => {
    const pattern = { a: [{ wildcard: `${'a*'.repeat(1000)}b` }] }
    expect(matchesPattern(pattern, { a: 'a'.repeat(100_000) })).toBe(false)
  })
})
