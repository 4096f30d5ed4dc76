/** What single values can go through, with the way back. */
export const valueFunctions = {
  log: { apply: (value: number) => Math.log(value), invert: (value: number) => Math.exp(value) },
  log1p: {
    apply: (value: number) => Math.log1p(value),
    invert: (value: number) => Math.expm1(value),
  },
  sqrt: { apply: (value: number) => Math.sqrt(value), invert: (value: number) => value * value },
} as const

export type ValueFunction = keyof typeof valueFunctions

export const valueFunctionNames = ['log', 'log1p', 'sqrt'] as const satisfies ValueFunction[]
