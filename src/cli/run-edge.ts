// `latchkey edge`, without the modules of the other commands.
try {
  const { serveEdge } = await import('../edge/serve-edge.js')
  await serveEdge(process.env)
} catch (error) {
  const { reportError } = await import('./exit-codes.js')
  process.exit(reportError(error))
}
