/** What no page of AWS's promises, and what is the platform's own default. */

/** Seconds before the handler of a function of this size runs. */
export const assumedStart = { warm: 0.02, cold: 0.8 }

/** Seconds that a transaction holds an item: another one meanwhile conflicts. */
export const transactionSeconds = 0.02

/** Of attempts of a child, that throw. */
export const failures = 0.001

/** Functions of an account that CDK's `predictionsReservedConcurrency` sets aside. */
export const reservedForPredictions = 100
