import { describe, expect, it } from 'vitest'
import {
  costOf,
  costOfEndpoint,
  costOfPredictions,
  costOfTraining,
  predictionsOfEndpoint,
  type PaidStep,
  type Usage,
} from '../../../tasks/planning/cost.ts'
import { prices } from '../../../tasks/planning/prices.ts'

const gibibyte = 1024 ** 3

const fit: PaidStep = {
  place: { name: 'function', memoryBytes: 2 * gibibyte },
  seconds: 100,
}

describe('cost', () => {
  it('of nothing is nothing', () => {
    expect(new Set(Object.values(costOf({})))).toEqual(new Set([0]))
  })

  it('is the sum of its parts, each at its price', () => {
    const million: Usage = {
      lambdaGbSeconds: 1e6,
      lambdaRequests: 1e6,
      transitions: 1e6,
      expressRequests: 1e6,
      expressGbSeconds: 1e6,
      s3Puts: 1e6,
      s3Gets: 1e6,
      s3GbMonths: 1e6,
      dynamodbWrites: 1e6,
      dynamodbReads: 1e6,
      fargateProcessorSeconds: 3600e6,
      fargateGbSeconds: 3600e6,
      httpRequests: 1e6,
      events: 1e6,
    }
    const { total, ...parts } = costOf(million)
    expect(parts.lambda).toBeCloseTo(13.3334 + 0.2)
    expect(parts.stepFunctions).toBeCloseTo(25 + 1 + 16.67)
    expect(parts.s3).toBeCloseTo(5 + 0.4 + 23_000)
    expect(parts.dynamodb).toBeCloseTo(0.625 + 0.125)
    expect(parts.fargate).toBeCloseTo(32_380 + 3_560)
    expect(parts.httpApi).toBeCloseTo(1)
    expect(parts.eventBridge).toBeCloseTo(1)
    expect(total).toBeCloseTo(Object.values(parts).reduce((sum, part) => sum + part))
  })

  it('of a training is that of the time and memory of its steps', () => {
    const [one, two] = [costOfTraining([fit]), costOfTraining([fit, fit])]
    expect(one.lambda).toBeCloseTo(200 * prices.lambda.gbSecond + prices.lambda.request, 12)
    expect(two.lambda).toBeCloseTo(2 * one.lambda, 12)
    expect(two.stepFunctions).toBeGreaterThan(one.stepFunctions)
    expect(one.fargate).toBe(0)
  })

  it('of a container is that of its processors and memory, of a minute at least', () => {
    const container: PaidStep = {
      place: { name: 'container', memoryBytes: 16 * gibibyte },
      seconds: 1800,
      processors: 4,
    }
    const cost = costOfTraining([container])
    expect(cost.fargate).toBeCloseTo(2 * 0.03238 + 8 * 0.00356)
    expect(cost.lambda).toBe(prices.lambda.request)
    const [brief, minute] = [5, 60].map((seconds) => costOfTraining([{ ...container, seconds }]))
    expect(brief).toEqual(minute)
  })

  it('of predictions grows with their number, and that of the endpoint with the hours', () => {
    const { total } = costOfPredictions({ predictions: 1 })
    expect(costOfPredictions({ predictions: 1e6 }).total).toBeCloseTo(1e6 * total)
    expect(costOfEndpoint(1)).toBe(0.115)
    expect(costOfEndpoint()).toBeCloseTo(83.95)
  })

  it('tells from how many predictions a month the endpoint is cheaper', () => {
    for (const request of [{}, { seconds: 0.1 }, { memoryBytes: gibibyte / 2 }]) {
      const predictions = predictionsOfEndpoint(request)
      expect(costOfPredictions({ ...request, predictions }).total).toBeGreaterThanOrEqual(83.95)
      const fewer = costOfPredictions({ ...request, predictions: predictions - 1 })
      expect(fewer.total).toBeLessThan(83.95)
    }
    expect(predictionsOfEndpoint({ seconds: 1 })).toBeLessThan(predictionsOfEndpoint())
  })
})
