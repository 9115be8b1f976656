// Runs once before the first test file, in a process of its own.
await import('./compile.mjs')
await import('../../.test-build/test/support/share-servers.js')
