import { describe, expect, it } from 'vitest'
import {
  placesVariable,
  settingsFromEnvironment,
  settingsVariables,
} from '../../../platform/aws/settings.ts'

const environment = {
  ...Object.fromEntries(Object.values(settingsVariables).map((name) => [name, name])),
  [settingsVariables.stateMachines]: '{"training":"arn:aws:states:us-east-1:0:stateMachine:m"}',
}
const place = { name: 'container', memoryBytes: 2 ** 34, seconds: 36_000 }

describe('the settings of a function', () => {
  it('say where trainings can run, where the function is told', () => {
    const places = [{ ...place, name: 'function', seconds: null }, place]
    const told = { ...environment, [placesVariable]: JSON.stringify(places) }
    expect(settingsFromEnvironment(told).places).toEqual(places)
    expect(settingsFromEnvironment(environment)).not.toHaveProperty('places')
  })

  it.each([
    '[]',
    '{',
    '"function"',
    JSON.stringify([{ ...place, name: 'moon' }]),
    JSON.stringify([{ ...place, memoryBytes: 0 }]),
    JSON.stringify([{ ...place, seconds: -1 }]),
  ])('have places that are some: not %s', (text) => {
    const told = { ...environment, [placesVariable]: text }
    expect(() => settingsFromEnvironment(told)).toThrow(
      expect.objectContaining({
        name: 'SettingsInvalid',
        message: expect.stringContaining(placesVariable) as string,
      }),
    )
  })
})
