import { LocalCompute } from '../../../platform/local/compute.ts'
import { sum } from '../../contracts/compute-jobs.ts'

/** Computes once and ends without closing: an idle thread must not keep it alive. */
const compute = new LocalCompute({ threads: 1 })
process.stdout.write(`${await compute.run(sum, Float64Array.of(1, 2))}\n`)
