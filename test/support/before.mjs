// tap runs this once before the first test file: it compiles everything and starts the shared servers.
await import('./compile.mjs')
await import('../../.test-build/test/support/share-servers.js')
