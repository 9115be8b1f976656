#!/usr/bin/env node
// This file has no static imports, so that every Node can parse it: an old one gets a sentence instead of a syntax error.

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `Latchkey needs Node 22 or 24, and this is Node ${process.versions.node}: install Node 24 (https://nodejs.org).`,
  )
  process.exitCode = 1
} else if (process.argv.length === 3 && process.argv[2] === 'edge') {
  // The edge has its own entry: it shares a machine with each gateway and loads nothing of the service.
  void import('./cli/run-edge.js')
} else {
  void import('./cli/program.js')
}
