#!/usr/bin/env node
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 13)) {
  console.error(
    `millrace needs Node 22.13 or later; this is Node ${process.versions.node}. ` +
      'Install a later one, or run it by npx in a project that has the "node" package.',
  )
  process.exit(1)
}
const { main } = await import('../dist/cli/main.js')
process.exitCode = await main(process.argv.slice(2))
