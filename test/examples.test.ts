import { expect, it, vi } from 'vitest'

it('examples/custom-workflow runs on the platform as it stands', async () => {
  const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  await import('../examples/custom-workflow/main.ts')
  expect(printed.mock.calls).toEqual([['SUCCEEDED', '{"flagged":"sales/may.csv","total":200}']])
})
