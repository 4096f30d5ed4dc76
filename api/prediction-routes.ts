import { modelNameSchema } from '../tasks/names.ts'
import { modelRoute, userRoute } from './predictions.ts'
import {
  modelPrediction,
  prediction,
  predictionQuery,
  userPrediction,
} from './prediction-shapes.ts'
import { readBody } from './requests.ts'
import { answers, takes, type RouteHandler, type Routes } from './route.ts'
import type { Services } from './services.ts'

/** Predictions as routes of the API. */
export function predictionRoutes(routes: Routes, { predictions }: Services): void {
  const handler: RouteHandler = async ({ req }, caller) => {
    const { body, headers } = await predictions.answer({
      // As the router reads it: `/%70rediction` is `/prediction`.
      path: req.path + new URL(req.url).search,
      contentType: req.header('content-type'),
      credentials: {},
      admitted: caller,
      body: () => readBody(req.raw),
    })
    return Response.json(body, { headers })
  }
  routes.add(
    {
      access: 'predict',
      method: 'post',
      path: userRoute,
      creates: true,
      spendsItself: true,
      summary: "Ask a user's model that was promoted last",
      request: { body: takes(userPrediction) },
      responses: answers('predictions', prediction),
    },
    handler,
  )
  routes.add(
    {
      access: 'predict',
      method: 'post',
      path: modelRoute,
      creates: true,
      spendsItself: true,
      summary: 'Ask a model about one or many rows',
      request: { params: modelNameSchema, query: predictionQuery, body: takes(modelPrediction) },
      responses: answers('predictions', prediction),
    },
    handler,
  )
}
