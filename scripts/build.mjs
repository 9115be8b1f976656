import { buildWithTypes } from './dist.mjs'

// `npm run build`; with a folder (packages/verifier), only that package
try {
  process.exitCode = await buildWithTypes(process.argv[2])
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
