export function cpuMilliseconds(run: () => unknown): number {
  const start = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

export function print(measure: string, peer: string, value: number, unit: string): void {
  console.log(JSON.stringify({ measure, peer, value: Number(value.toPrecision(4)), unit }))
}
