import { buildWithTypes } from './dist.mjs'

// `npm run build`
try {
  process.exitCode = await buildWithTypes()
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
