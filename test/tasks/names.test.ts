import { describe, expect, it } from 'vitest'
import { parseModel, parseUploadKey } from '../../tasks/names.ts'

describe('names', () => {
  it('reads the user and the dataset of an upload', () => {
    expect(parseUploadKey('uploads/ada/iris.npy')).toEqual({
      user: 'ada',
      dataset: 'iris',
      format: 'npy',
    })
    expect(parseUploadKey('uploads/iris.v2.csv')).toEqual({
      user: 'default',
      dataset: 'iris.v2',
      format: 'csv',
    })
  })

  it.each([
    'uploads/../iris.npy',
    'uploads/ada/../iris.npy',
    'uploads/%2e%2e/iris.npy',
    'uploads/ada/a..b.npy',
    'uploads/ada/.npy',
    'uploads/ada/iris\u0000.npy',
    'uploads/__proto__/iris.npy',
    'uploads/constructor/iris.npy',
    'uploads/ada/toString.npy',
    'uploads/ada/deeper/iris.npy',
    'uploads//iris.npy',
    'uploads/ada/iris\n.npy',
    `uploads/ada/${'x'.repeat(65)}.npy`,
    'uploads/ada/iris.txt',
    'models/ada/iris.npy',
    'uploads/ädä/iris.npy',
  ])('refuses the key %j', (key) => {
    expect(() => parseUploadKey(key)).toThrow(expect.objectContaining({ name: 'NameInvalid' }))
  })

  it.each(['../x', 'a/b/c', '', '/', 'a/', '__proto__', 'a/__proto__', '%2e%2e/x', 'a\u0000/b'])(
    'refuses the model %j',
    (name) => {
      expect(() => parseModel(name)).toThrow(expect.objectContaining({ name: 'NameInvalid' }))
    },
  )
})
