import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { detectorClasses, type DetectorName } from './golden.ts'
import { goldenStreams } from './golden-streams.ts'

/** Prints the bytes that an update of each detector allocates, as JSON; run in a process of its own. */
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const updates = 1_000_000

const names = Object.keys(detectorClasses) as DetectorName[]
console.log(JSON.stringify(Object.fromEntries(names.map((name) => [name, bytesOf(name)]))))

function bytesOf(name: DetectorName): number {
  const detector = new detectorClasses[name]({})
  const stream = name === 'PageHinkley' || name === 'ADWIN' ? 'levels' : 'errorsRecurring'
  const values = boxed(goldenStreams[stream]())
  const run = () => {
    for (let i = 0; i < updates; i++) detector.update(values[i % values.length]!)
  }
  // Compiled by the first run, measured by the others; what the engine does beside only adds.
  run()
  const grown = Array.from({ length: 3 }, () => {
    collect()
    const before = process.memoryUsage().heapUsed
    run()
    return process.memoryUsage().heapUsed - before
  })
  return Math.min(...grown) / updates
}

/** The values as objects made beforehand: passing a bare double to a call may make one each time. */
function boxed(values: Float64Array): number[] {
  const elements: unknown[] = ['not a number', ...values]
  return elements.slice(1) as number[]
}
