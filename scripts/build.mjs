import { buildWithTypes } from './dist.mjs'

// `npm run build`
process.exitCode = await buildWithTypes()
