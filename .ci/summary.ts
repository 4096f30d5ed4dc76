import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'

/**
 * Prints `N passed, N failed`, summed from the test runner's reports. A step that failed and a report
 * that is missing count as a failure each, so that what did not run cannot pass.
 */
const failedSteps = process.argv.slice(2)
let passed = 0
let failed = 0
const suites = ['test', 'long', 'build', 'crash', 'aws', 'api']
for (const suite of suites) {
  const path = `reports/${suite}.json`
  if (!existsSync(path)) {
    console.log(`no report of ${suite}`)
    failed += 1
    continue
  }
  const report = JSON.parse(readFileSync(path, 'utf8')) as {
    numPassedTests: number
    numFailedTests: number
    numFailedTestSuites: number
    numPendingTests: number
    testResults?: {
      name: string
      status: string
      message: string
      assertionResults: { fullName: string; status: string }[]
    }[]
  }
  passed += report.numPassedTests
  failed += report.numFailedTests
  if (report.numFailedTests === 0 && failedSteps.includes(suite)) failed += 1
  console.log(`${suite}: ${report.numPassedTests} passed, ${report.numPendingTests} skipped`)
  for (const { name, status, message, assertionResults } of report.testResults ?? []) {
    // Its tests did not run: what comes before them failed.
    if (status === 'failed' && assertionResults.every((test) => test.status !== 'failed')) {
      console.log(`failed: ${relative('.', name)}: ${message.split('\n', 1)[0]}`)
    }
    for (const { fullName, status } of assertionResults) {
      if (status === 'failed') console.log(`failed: ${relative('.', name)}: ${fullName}`)
    }
  }
}
const otherSteps = failedSteps.filter((step) => !suites.includes(step))
failed += otherSteps.length
if (failedSteps.length > 0) console.log(`failed steps: ${failedSteps.join(', ')}`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
