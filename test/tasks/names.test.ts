import { describe, expect, it } from 'vitest'
import {
  datasetKey,
  datasetOfKey,
  parseDatasetKey,
  parseModel,
  parseUploadKey,
} from '../../tasks/names.ts'

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

  it('reads the dataset and the version of a key', () => {
    const key = datasetKey({ user: 'ada', dataset: 'iris.csv' }, 12)
    expect(key).toBe('datasets/ada/iris.csv/12.csv')
    expect(parseDatasetKey(key)).toEqual({ user: 'ada', dataset: 'iris.csv', version: 12 })
    expect(datasetOfKey(key)).toEqual({ user: 'ada', dataset: 'iris.csv' })
    expect(datasetOfKey('uploads/iris.npy')).toEqual({ user: 'default', dataset: 'iris' })
    expect(datasetOfKey('models/ada/iris/0.csv')).toBeNull()
  })

  it.each([
    'datasets/ada/iris/01.csv',
    'datasets/ada/iris/-1.csv',
    'datasets/ada/iris/1.npy',
    'datasets/ada/iris/1.csv.json',
    'datasets/ada/iris/segments/1.csv',
    'datasets/iris/1.csv',
    'datasets/__proto__/iris/1.csv',
    'datasets/../iris/1.csv',
    'datasets/ada/iris/1\n.csv',
    'uploads/ada/iris/1.csv',
    'datasets/ada/iris/99999999999.csv',
  ])('refuses the key of a version %j', (key) => {
    expect(() => parseDatasetKey(key)).toThrow(expect.objectContaining({ name: 'NameInvalid' }))
    expect(datasetOfKey(key)).toBeNull()
  })
})
