import { runOrder } from './run.ts'

console.log(await runOrder((line) => console.log(line)))
